/// @file
/// The whole SDK. Every other header stands alone, too.
///
/// The SDK calls the SQL functions of the extension `ratchet` inside a libpqxx transaction that the caller opens and
/// commits. An expected race is an outcome in the result, never an exception; everything else is a ratchet::error.
///
/// Thread safety: nothing here has shared state. An object may be used from one thread at a time, as may the
/// transaction that is passed to `run()`.
#pragma once

#include <ratchet/advance.hpp>
#include <ratchet/batch.hpp>
#include <ratchet/beat.hpp>
#include <ratchet/change.hpp>
#include <ratchet/error.hpp>
#include <ratchet/key.hpp>
#include <ratchet/outcome.hpp>
#include <ratchet/progress.hpp>
#include <ratchet/stuck.hpp>
#include <ratchet/submission.hpp>
#include <ratchet/timestamp.hpp>
#include <ratchet/value.hpp>
#include <ratchet/version.hpp>
