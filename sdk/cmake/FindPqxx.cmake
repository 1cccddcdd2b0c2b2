# Finds libpqxx, for which Debian ships no CMake package.
#
# Defines the target Pqxx::pqxx and the variables Pqxx_FOUND, Pqxx_VERSION and Pqxx_SERIES: the first two numbers of
# the version, within which libpqxx keeps its ABI.

find_path(Pqxx_INCLUDE_DIR pqxx/pqxx)
find_library(Pqxx_LIBRARY pqxx)
find_path(Pqxx_LIBPQ_INCLUDE_DIR libpq-fe.h PATH_SUFFIXES postgresql pgsql)
find_library(Pqxx_LIBPQ_LIBRARY pq)
mark_as_advanced(Pqxx_INCLUDE_DIR Pqxx_LIBRARY Pqxx_LIBPQ_INCLUDE_DIR Pqxx_LIBPQ_LIBRARY)

if(Pqxx_INCLUDE_DIR)
  foreach(header version.hxx version)
    if(EXISTS "${Pqxx_INCLUDE_DIR}/pqxx/${header}" AND NOT Pqxx_VERSION)
      file(STRINGS "${Pqxx_INCLUDE_DIR}/pqxx/${header}" line REGEX "#[ ]*define PQXX_VERSION \"")
      string(REGEX MATCH "[0-9]+\\.[0-9]+(\\.[0-9]+)?" Pqxx_VERSION "${line}")
    endif()
  endforeach()
  string(REGEX MATCH "^[0-9]+\\.[0-9]+" Pqxx_SERIES "${Pqxx_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Pqxx
  REQUIRED_VARS Pqxx_LIBRARY Pqxx_INCLUDE_DIR Pqxx_LIBPQ_LIBRARY Pqxx_LIBPQ_INCLUDE_DIR
  VERSION_VAR Pqxx_VERSION)

if(Pqxx_FOUND AND NOT TARGET Pqxx::pqxx)
  add_library(Pqxx::pqxx UNKNOWN IMPORTED)
  set_target_properties(
    Pqxx::pqxx
    PROPERTIES IMPORTED_LOCATION "${Pqxx_LIBRARY}"
               INTERFACE_INCLUDE_DIRECTORIES "${Pqxx_INCLUDE_DIR};${Pqxx_LIBPQ_INCLUDE_DIR}"
               INTERFACE_LINK_LIBRARIES "${Pqxx_LIBPQ_LIBRARY}")
  if(Pqxx_VERSION VERSION_GREATER_EQUAL 8)
    set_property(TARGET Pqxx::pqxx PROPERTY INTERFACE_COMPILE_FEATURES cxx_std_20)
  endif()
endif()
