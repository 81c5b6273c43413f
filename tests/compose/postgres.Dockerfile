# Stand-in for postgres: POSTGRES_USER, _DB, _PASSWORD_FILE and _INITDB_ARGS make the database when its directory is empty.
FROM debian:trixie-slim
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql \
 && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/* && install -d -o postgres -m 0700 /var/lib/postgresql/data
ENV PGDATA=/var/lib/postgresql/data
COPY postgres-start /usr/bin/postgres-start
USER postgres
STOPSIGNAL SIGINT
CMD ["/usr/bin/postgres-start"]
