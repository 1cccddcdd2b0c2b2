/*
 * ratchet_bench.c: what the benchmarks need from inside the server: the
 * cheapest row triggers there can be, the processor time that this backend has
 * used, and marks in an instruction profile.
 */
#include "postgres.h"

#include <time.h>

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"

#if defined(__has_include)
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#endif
#endif

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(bench_empty_trigger);
PG_FUNCTION_INFO_V1(bench_empty_after_trigger);
PG_FUNCTION_INFO_V1(bench_cpu_ns);
PG_FUNCTION_INFO_V1(bench_profile);

/* BEFORE UPDATE FOR EACH ROW: lets the row through and looks at nothing. */
Datum
bench_empty_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	return PointerGetDatum(trigger->tg_newtuple);
}

/* AFTER ... FOR EACH ROW: looks at nothing. */
Datum
bench_empty_after_trigger(PG_FUNCTION_ARGS)
{
	return PointerGetDatum(NULL);
}

/* Processor time of this backend, user and system, in nanoseconds. */
Datum
bench_cpu_ns(PG_FUNCTION_ARGS)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	PG_RETURN_INT64((int64) now.tv_sec * 1000000000 + now.tv_nsec);
}

/* Under callgrind: dumps the profile of this backend since its last dump, under this name. */
Datum
bench_profile(PG_FUNCTION_ARGS)
{
#ifdef CALLGRIND_DUMP_STATS_AT
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));

	CALLGRIND_DUMP_STATS_AT(name);
#else
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("built without valgrind's headers")));
#endif
	PG_RETURN_VOID();
}
