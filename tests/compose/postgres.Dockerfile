# Stand-in for postgres: POSTGRES_USER, _DB, _PASSWORD_FILE and _INITDB_ARGS make the database when its directory is empty.
# User 999 as there; Debian would give it another number.
FROM debian:trixie-slim
RUN groupadd -r -g 999 postgres && useradd -r -u 999 -g postgres -d /var/lib/postgresql -s /bin/bash postgres \
 && apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql \
 && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/* && install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data
VOLUME /var/lib/postgresql/data
ENV PGDATA=/var/lib/postgresql/data
COPY postgres-start /usr/bin/postgres-start
USER postgres
STOPSIGNAL SIGINT
CMD ["/usr/bin/postgres-start"]
