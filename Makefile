# The ratchet extension (PGXS), and one command each for everything else: `make help` lists them.
#
# Everything that installs packages first must also work where neither pg_config nor the server's headers exist
# yet, so PGXS is included only where it is found, and such targets call make again once the packages are there.

.DEFAULT_GOAL := all

# -- the extension -----------------------------------------------------------------------------------------------------

CONTROL := extension/ratchet.control
RATCHET_VERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" $(CONTROL))

EXTENSION = extension/ratchet
DATA = $(wildcard extension/ratchet--*.sql)
MODULE_big = ratchet
OBJS = $(patsubst %.cpp,%.o,$(sort $(wildcard $(addsuffix /*.cpp,extension/src extension/src/pg extension/src/core))))

# The database of pg_regress and of the isolation tester already has the extension. Output stays out of the tree.
OUT := build/test
REGRESS := $(sort $(notdir $(basename $(wildcard sql/*.sql))))
REGRESS_OPTS = --inputdir=. --outputdir=$(OUT)/regress --load-extension=ratchet
ISOLATION := $(sort $(notdir $(basename $(wildcard test/isolation/specs/*.spec))))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=$(OUT)/isolation --load-extension=ratchet
REGRESS_PREP = regress-output

EXTRA_CLEAN = $(OBJS:.o=.d) $(OBJS:.o=.bc.d)

PG_CONFIG ?= pg_config
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))

ifneq ($(PGXS),)

# -isystem: the server's headers are C and not clean under these warnings; ours are held to all of them.
# PGDLLEXPORT: only what the server looks up leaves the library. PostgreSQL defines it so from 16 on.
PG_CPPFLAGS = -Iextension/src -isystem $(shell $(PG_CONFIG) --includedir-server) \
	-DRATCHET_VERSION=\"$(RATCHET_VERSION)\" '-DPGDLLEXPORT=__attribute__((visibility("default")))'
PG_CXXFLAGS = -std=c++17 -Wall -Wextra -Werror -fvisibility=hidden -fvisibility-inlines-hidden
ifneq ($(findstring clang,$(CXX)),)
# The server's flags were chosen for the compiler that built it.
PG_CXXFLAGS += -Wno-unknown-warning-option
endif
SHLIB_LINK = -lstdc++

include $(PGXS)

# The server's make knows nothing of our C++ standard in the bitcode step, and tracks no headers.
COMPILE.cxx.bc += $(PG_CXXFLAGS) -MMD -MP -MF $(@:.bc=.bc.d)
COMPILE.cc += -MMD -MP -MF $(@:.o=.d)
$(OBJS) $(OBJS:.o=.bc): $(CONTROL)
-include $(wildcard $(OBJS:.o=.d) $(OBJS:.o=.bc.d))

else

all install installcheck clean:
	@echo "no PGXS found through '$(PG_CONFIG)'; 'make deps' installs what is missing, or set PG_CONFIG" >&2; exit 1

endif

.PHONY: regress-output
regress-output:
	@mkdir -p $(OUT)/regress $(OUT)/isolation
