# An image of the PostgreSQL server of a Debian release with ratchet, and with the command pg_ratchet.
#
#   docker build --tag ratchet .
#
# docs/operations/image.md says how to run it. RELEASE is a Debian release, 12 (bookworm) or newer, which decides on the
# version of PostgreSQL.

ARG RELEASE=bookworm

# -- the Debian packages, as debian/ describes them --------------------------------------------------------------------

FROM debian:${RELEASE}-slim AS build
ENV DEBIAN_FRONTEND=noninteractive DEB_BUILD_PROFILES=nocheck DEB_BUILD_OPTIONS="nocheck noautodbgsym"
WORKDIR /build/source
# From here on a layer depends on no more than what it is made of, so that the next build repeats no more than it must.
COPY debian debian
RUN apt-get update \
 && apt-get install --yes --no-install-recommends dpkg-dev \
 && apt-get build-dep --yes --no-install-recommends ./
COPY CHANGELOG.md CMakeLists.txt LICENSE Makefile README.md ./
COPY extension extension
COPY sdk sdk
COPY tools/cxx.mk tools/
RUN pg_buildext updatecontrol \
 && dpkg-buildpackage --build=any --no-sign --jobs=auto \
 && sha256sum ../*.deb >../packages.sha256

# -- the image ---------------------------------------------------------------------------------------------------------

FROM debian:${RELEASE}-slim
ENV LANG=C.UTF-8

# The numbers are those of the official image of PostgreSQL, so that a volume's files have the same owner here.
RUN groupadd --system --gid 999 postgres \
 && useradd --system --uid 999 --gid postgres --home-dir /var/lib/postgresql --shell /bin/bash postgres

# By this the builder sees that the packages are others: what a mount brings does not count for its cache.
COPY --from=build /build/packages.sha256 /usr/share/ratchet/

# Debian's package would create a cluster at once, which the image would then carry around.
RUN --mount=type=bind,from=build,source=/build,target=/build \
    mkdir -p /etc/postgresql-common/createcluster.d \
 && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/image.conf \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends libnss-wrapper \
      /build/postgresql-*-ratchet_*.deb /build/pg-ratchet_*.deb /build/libratchet[0-9]*.deb \
 && rm -rf /var/lib/apt/lists/* \
 && ln -s /usr/lib/postgresql/[1-9]* /usr/local/lib/postgresql \
 && mkdir -p /docker-entrypoint-initdb.d /var/lib/postgresql/data \
 && chown postgres:postgres /var/lib/postgresql /var/lib/postgresql/data \
 && chmod 1777 /var/lib/postgresql/data /var/run/postgresql

COPY docker/entrypoint /usr/local/bin/entrypoint
ENV PATH=/usr/local/lib/postgresql/bin:$PATH PGDATA=/var/lib/postgresql/data/pgdata
VOLUME /var/lib/postgresql/data
EXPOSE 5432
USER postgres
# Fast shutdown: sessions are ended. SIGTERM would wait for them.
STOPSIGNAL SIGINT
HEALTHCHECK --interval=10s --timeout=5s --start-period=5m CMD ["pg_isready", "--quiet", "--username=postgres"]
ENTRYPOINT ["entrypoint"]
CMD ["postgres"]

LABEL org.opencontainers.image.title="ratchet" \
      org.opencontainers.image.description="PostgreSQL with ratchet: race safety declared on tables" \
      org.opencontainers.image.licenses="PostgreSQL"
