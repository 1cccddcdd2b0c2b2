/// @file
/// The whole SDK. Every other header can also be included alone.
///
/// The calls run the SQL functions of the extension `ratchet` inside a libpqxx transaction that the caller opens and
/// commits; they never retry and never commit. A ratchet::client owns connections and does both. An expected race is an
/// outcome in the result, never an exception; everything else is a ratchet::error.
///
/// Thread safety: any number of threads may use one client. Nothing else has shared state: an object may be used from
/// one thread at a time, as may the transaction that is passed to `run()`; several threads may run the same call, which
/// is const, each in a transaction of its own.
#pragma once

#include <ratchet/advance.hpp>
#include <ratchet/amendment.hpp>
#include <ratchet/batch.hpp>
#include <ratchet/beat.hpp>
#include <ratchet/change.hpp>
#include <ratchet/client.hpp>
#include <ratchet/error.hpp>
#include <ratchet/flush.hpp>
#include <ratchet/key.hpp>
#include <ratchet/outcome.hpp>
#include <ratchet/progress.hpp>
#include <ratchet/server.hpp>
#include <ratchet/statement.hpp>
#include <ratchet/stuck.hpp>
#include <ratchet/submission.hpp>
#include <ratchet/sweep.hpp>
#include <ratchet/timestamp.hpp>
#include <ratchet/value.hpp>
#include <ratchet/verify.hpp>
#include <ratchet/version.hpp>
