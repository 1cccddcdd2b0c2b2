# The ratchet extension (PGXS), and one command each for everything else: `make help` lists them.
#
# What installs packages first must also work where neither pg_config nor the server's headers exist yet. So PGXS is
# included only where it is found, and such targets call make again once the packages are there.

.DEFAULT_GOAL := all

PG_CONFIG ?= pg_config
export PG_CONFIG
ROOT := .

# -- the extension -----------------------------------------------------------------------------------------------------

EXTENSION = extension/ratchet
DATA = $(wildcard extension/ratchet--*.sql)
MODULE_big = ratchet
OBJS = $(patsubst %.cpp,%.o,$(sort $(wildcard $(addsuffix /*.cpp,extension/src extension/src/*))))

# The databases of pg_regress and of the isolation tester have the extension already. Output stays out of the tree.
names_in = $(sort $(notdir $(basename $(wildcard $1))))
REGRESS_ALL := $(call names_in,sql/*.sql)
REGRESS := $(REGRESS_ALL)
REGRESS_OPTS = --inputdir=. --outputdir=build/test/regress --load-extension=ratchet

# test/isolation/generate lays out in build/ what the tester reads. A template is tested at three isolation levels, and some
# at some of them once more with counts that spill: its name alone stands for all of that.
ISOLATION_LEVELS = rc rr ser spill-rc spill-rr spill-ser
ISOLATION_TEMPLATES := $(filter-out judge,$(call names_in,test/isolation/templates/*/*.spec))
ISOLATION_BY_HAND := $(call names_in,test/isolation/specs/*.spec)
ISOLATION_ALL := $(sort $(shell test/isolation/generate --names))
ISOLATION := $(ISOLATION_ALL)
ISOLATION_OPTS = --inputdir=build/test/isolation --outputdir=build/test/isolation --load-extension=ratchet
REGRESS_PREP = output-directories $(if $(ISOLATION),isolation-specs)

# $(call chosen,NAMES,ALL,LEVELS,LISTED): those of ALL that are NAMES, or are NAMES at one of LEVELS. A name that is none of
# them is an error, which tells those LISTED that have a word in common with it, or else all.
chosen = $(foreach name,$1,$(or $(filter $(name) $(addprefix $(name)-,$3),$2),$(error \
  there is no test '$(name)'; there is $(or $(sort $(foreach word,$(subst -, ,$(subst _, ,$(name))),$(foreach one,$4,$(if \
  $(findstring $(word),$(one)),$(one))))),$4))))
override REGRESS := $(call chosen,$(REGRESS),$(REGRESS_ALL),,$(REGRESS_ALL))
# What any of them needs is made first, also when it is not named.
override REGRESS := $(if $(REGRESS),test_setup $(filter-out test_setup,$(REGRESS)))
override ISOLATION := $(call chosen,$(ISOLATION),$(ISOLATION_ALL),$(ISOLATION_LEVELS),$(ISOLATION_TEMPLATES) $(ISOLATION_BY_HAND))

EXTRA_CLEAN = $(OBJS:.o=.d) $(OBJS:.o=.bc.d) build

PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
ifneq ($(PGXS),)

include tools/cxx.mk
include $(PGXS)

# PGXS knows nothing of our C++ standard in the bitcode step, and tracks no headers.
COMPILE.cxx.bc += $(PG_CXXFLAGS) -MMD -MP -MF $(@:.bc=.bc.d)
COMPILE.cc += -MMD -MP -MF $(@:.o=.d)
$(OBJS) $(OBJS:.o=.bc): $(CONTROL)
-include $(wildcard $(OBJS:.o=.d) $(OBJS:.o=.bc.d))

else

.PHONY: all install installcheck clean
all install installcheck clean:
	@echo "no PGXS found through '$(PG_CONFIG)': 'make deps' installs what is missing, or set PG_CONFIG" >&2; exit 1

endif

# -- one command each --------------------------------------------------------------------------------------------------

AGAIN = $(MAKE) --no-print-directory
JOBS := $(shell nproc 2>/dev/null || echo 1)
CMAKE_BUILD = build/cmake
SUITES = style tools regress isolation tap citus orm sdk

.PHONY: help deps demo test bench stress dist matrix docs format check-sanitize check-style check-tools check-regress check-isolation check-tap \
	check-orm check-clients check-citus check-image check-sdk \
	build-and-install installed output-directories isolation-specs cmake cmake-cli

## make                  builds the extension; PG_CONFIG=... chooses another server
## make install          installs it into that server
## make installcheck     pg_regress and isolation tests against a running server that you name by PGHOST and so on, with
##                       max_prepared_transactions above 0
help:
	@sed -n 's/^## //p' Makefile

## make deps             installs the Debian packages that are missing for all of this; says which before it does
deps:
	@tools/deps test

## make demo             packages, build, install, then the three races with and without ratchet on throwaway servers
demo:
	@tools/demo $(ROUNDS)

## make test             packages, build, install, then every test suite on throwaway servers: a line each, what failed, and
##                       the count; VERBOSE=1 for all of what they print, which is in build/test/*.log
test:
	@tools/deps test
	@$(AGAIN) build-and-install
	@rm -f build/test/*.count
	@for suite in $(SUITES); do $(AGAIN) check-$$suite || true; done
	@tools/suite --total $(SUITES)

## make check-regress    pg_regress alone (sql/, expected/); REGRESS='a b' for some of it
check-regress: installed
	@tools/suite regress tools/with-server -- tools/show-diffs build/test/regress $(AGAIN) --silent installcheck ISOLATION=

## make check-isolation  isolation specs alone (test/isolation); ISOLATION='a b-rc' for some of it: all levels of a, one of b
check-isolation: installed
	@tools/suite isolation tools/with-server --conf max_prepared_transactions=10 -- env PGISOLATIONTIMEOUT=60 tools/show-diffs build/test/isolation $(AGAIN) --silent installcheck REGRESS=

## make check-tap        Perl tests alone (test/t); TAP=test/t/some.pl for some of it
check-tap: installed
	@$(AGAIN) -C test/modules/fence all >build/test/modules.log 2>&1 || { cat build/test/modules.log; exit 1; }
	@tools/suite tap tools/run-tap $(TAP)

## make check-citus      tests on a coordinator and two workers with Citus (test/citus), where the server has it; CITUS=... for some
check-citus: installed
	@tools/suite citus tools/run-tap $(or $(CITUS),$(wildcard test/citus/*.pl))

## make check-orm        tests with real ORMs alone (test/orm); ORM=test/orm/some.py for some of it
check-orm: installed
	@tools/suite orm tools/with-server -- tools/run-orm $(ORM)

## make check-clients    the snippets of docs/clients (test/clients), for each client that is here or that npm has; CLIENT='a b' for
##                       some; 'tools/deps clients' installs what Debian has of them
check-clients: installed
	@tools/suite clients tools/with-server -- test/clients/run $(CLIENT)

## make check-sdk        builds SDK, command line and examples with CMake and runs their tests
check-sdk: installed cmake
	@tools/suite sdk ctest --test-dir $(CMAKE_BUILD) --verbose $(if $(SDK),-R '$(SDK)')

## make check-sanitize   SDK, command line and their tests under ASan with UBSan, and under TSan; takes minutes
check-sanitize: installed
	@tools/suite sanitize tools/check-sanitizers

## make check-image      builds the container image and runs it (test/image), also a part of make stress; wants root, and what
##                       'tools/deps image' installs; the first build takes minutes
check-image: output-directories
	@tools/suite image test/image

## make check-style      formatting, the fence, the lanes, the rooms, the version, the comments of the SDK, links
check-style: output-directories
	@tools/suite style tools/check-style

## make check-tools      the scripts in tools/ (test/tools); some want root and are skipped without
check-tools: output-directories
	@tools/suite tools tools/run-each test/tools

## make stress           long concurrency tests, and all on a server with assertions (test/stress), not part of make test
stress: installed
	@tools/with-server --preload ratchet --conf max_connections=300 max_prepared_transactions=100 -- tools/run-each test/stress

## make bench            measures the costs (test/bench/run) on a throwaway server
bench: installed
	@if [ -x test/bench/run ]; then test/bench/run; else echo "no benchmark here"; fi

## make dist             build/pg_ratchet-VERSION.zip of HEAD, as PGXN takes it
dist: output-directories
	@tools/check-meta META.json $(RATCHET_VERSION)
	git archive --format=zip --prefix=pg_ratchet-$(RATCHET_VERSION)/ --output=build/pg_ratchet-$(RATCHET_VERSION).zip HEAD

## make matrix           make test on Debian 12, 13 and testing, and their packages (test/matrix); wants root
matrix:
	@test/matrix

## make docs             the documentation as a site, with the reference of the C++ SDK, in build/docs
docs:
	@tools/deps docs
	@tools/docs

## make format           formats the C++ sources
format:
	@tools/clang-format

# Installing writes into the server's own directories, which may take root.
build-and-install: output-directories
	@tools/quietly build/test/build.log "building the extension" $(AGAIN) --silent -j$(JOBS) all
	@echo "-- installing it into $$($(PG_CONFIG) --version), $$($(PG_CONFIG) --pkglibdir)"
	@tools/as-root $(AGAIN) install >build/test/install.log 2>&1 || { cat build/test/install.log; exit 1; }

# The tests test what is installed. An older build there would make them say something untrue.
installed: output-directories
	@tools/check-installed

cmake-cli: output-directories
	@cmake --log-level=WARNING -S . -B $(CMAKE_BUILD) -DRATCHET_BUILD_TESTS=OFF -DRATCHET_BUILD_EXAMPLES=OFF
	@tools/quietly build/test/cmake.log "building pg_ratchet" cmake --build $(CMAKE_BUILD) --parallel $(JOBS)

cmake: output-directories
	@cmake --log-level=WARNING -S . -B $(CMAKE_BUILD) -DRATCHET_BUILD_TESTS=ON -DRATCHET_BUILD_EXAMPLES=ON
	@tools/quietly build/test/cmake.log "building SDK, command and their tests" \
		cmake --build $(CMAKE_BUILD) --parallel $(JOBS)

isolation-specs:
	@test/isolation/generate build/test/isolation

output-directories:
	@mkdir -p build/test/regress build/test/isolation
