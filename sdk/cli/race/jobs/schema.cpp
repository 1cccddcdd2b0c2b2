#include "race/jobs/schema.hpp"

#include <fmt/format.h>

#include "pqxx_seam.hpp"

namespace ratchet::cli::jobs {

namespace {

// A job, as an application has it. The history's numbers are drawn while the writer holds the job's lock, so that they
// are in the order in which the writers commit.
constexpr const char *tables = R"(
CREATE TABLE {0}.jobs (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL DEFAULT 'evaluation',
    status     text NOT NULL DEFAULT 'queued',
    progress   integer NOT NULL DEFAULT 0,
    result     text,
    alive_at   timestamptz,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now());
CREATE TABLE {0}.history (
    n        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id   bigint NOT NULL,
    status   text,
    progress integer,
    result   text,
    alive_at timestamptz);
CREATE FUNCTION {0}.remember() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {0}.history (job_id, status, progress, result, alive_at)
    VALUES (NEW.id, NEW.status, NEW.progress, NEW.result, NEW.alive_at);
    RETURN NULL;
END $$;
CREATE TRIGGER remember AFTER INSERT OR UPDATE ON {0}.jobs FOR EACH ROW EXECUTE FUNCTION {0}.remember();
CREATE TABLE {0}.handed (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    status   text NOT NULL DEFAULT 'queued',
    attempt  integer NOT NULL DEFAULT 0,
    worker   text,
    result   text,
    version  integer NOT NULL DEFAULT 1,
    alive_at timestamptz)
)";

// {1} is what the variant adds.
constexpr const char *contract = R"(
SELECT ratchet.guard('{0}.jobs', forward => '{{progress}}', frozen => '{{progress,result}}', heartbeat => 'alive_at',
                     states => '{{"status": {{"queued": ["running"], "running": ["done", "failed"],
                                              "done": [], "failed": []}}}}'{1});
SELECT ratchet.guard('{0}.handed', fence => 'attempt', version => 'version', heartbeat => 'alive_at',
                     alive => '{{running}}',
                     states => '{{"status": {{"queued": ["running"], "running": ["done", "queued"], "done": []}}}}')
)";

// A forbidden transition is an error by default, 23R02, which an application that saves whole rows does not expect: a
// save that still says "queued" is to lose just that.
constexpr const char *unchanged_application = ", mode => 'states=keep'";

}  // namespace

schema::schema(const std::string &dsn, variant kind, const std::string &tag, bool keep)
    : scratch_schema(dsn, tag, to_string(kind), keep) {
  execute(fmt::format(tables, name()));
  if (kind == variant::naive) return;
  execute(fmt::format(contract, name(), kind == variant::guard ? unchanged_application : ""));
}

std::int64_t schema::new_job() {
  pqxx::nontransaction session{connection_};
  const auto sql = fmt::format("INSERT INTO {}.jobs (kind) VALUES (DEFAULT) RETURNING id", name());
  return session.exec(sql)[0][0].as<std::int64_t>();
}

std::int64_t schema::new_handed_job() {
  pqxx::nontransaction session{connection_};
  const auto sql = fmt::format("INSERT INTO {}.handed (status) VALUES (DEFAULT) RETURNING id", name());
  return session.exec(sql)[0][0].as<std::int64_t>();
}

void schema::read_handed_job(std::int64_t id, handed_job &job) {
  pqxx::nontransaction session{connection_};
  const auto answer = detail::execute(
      session, fmt::format("SELECT status, result FROM {}.handed WHERE id = $1", name()), {std::to_string(id)});
  job.status = answer[0][0].as<std::string>();
  if (!answer[0][1].is_null()) job.result = answer[0][1].as<std::string>();
}

std::vector<job_version> schema::history(std::int64_t id) {
  pqxx::nontransaction session{connection_};
  const auto answer = detail::execute(
      session,
      fmt::format("SELECT status, progress, result, (EXTRACT(epoch FROM alive_at) * 1000000)::bigint FROM {}.history"
                  " WHERE job_id = $1 ORDER BY n",
                  name()),
      {std::to_string(id)});
  std::vector<job_version> versions;
  for (const auto &row : answer) {
    auto &version = versions.emplace_back();
    version.status = row[0].as<std::string>();
    version.progress = row[1].as<int>();
    if (!row[2].is_null()) version.result = row[2].as<std::string>();
    if (!row[3].is_null()) version.alive_at = row[3].as<std::int64_t>();
  }
  return versions;
}

}  // namespace ratchet::cli::jobs
