# tools/cxx.mk: how C++ for the server is compiled, for the extension and for the test modules.
#
# Included before PGXS. The includer sets PG_CONFIG and ROOT, the path to the top of the repository ("." or "../..").

CONTROL := $(ROOT)/extension/ratchet.control
# The version stands in the control file alone. (Not named VERSION: that is PostgreSQL's own, in PGXS.)
RATCHET_VERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" $(CONTROL))

# -isystem: the server's headers are C and not clean under these warnings; ours are held to all of them.
# PGDLLEXPORT: only what the server looks up leaves the library. PostgreSQL defines it so from 16 on.
PG_CPPFLAGS = -I$(ROOT)/extension/src -isystem $(shell $(PG_CONFIG) --includedir-server) \
	-DRATCHET_VERSION=\"$(RATCHET_VERSION)\" '-DPGDLLEXPORT=__attribute__((visibility("default")))'
PG_CXXFLAGS = -std=c++17 -Wall -Wextra -Werror -fvisibility=hidden -fvisibility-inlines-hidden
ifneq ($(findstring clang,$(CXX)),)
# The server's flags were chosen for the compiler that built it.
PG_CXXFLAGS += -Wno-unknown-warning-option
endif
SHLIB_LINK = -lstdc++
