-- 003: an operator may say whose a parked call is (`hookline parked release ID --company N`): its first owner, never another.
--
-- Applied by `hookline migrate` in one transaction. Moving a call that has an owner is session's (`hookline call assign`).
SET LOCAL ROLE hookline_owner;

GRANT INSERT ON call_owners TO hookline_ctl;

RESET ROLE;
