/// @file
/// What leaves the library: everything else has hidden visibility.
#pragma once

/// Marks the names that `libratchet` exports.
#define RATCHET_EXPORT __attribute__((visibility("default")))
