/// @file
/// The outcomes of calls.
#pragma once

#include <ratchet/export.hpp>
#include <string_view>

namespace ratchet {

/// Outcome of a submission.
enum class submit_outcome {
  submitted,          ///< This call closed the gate.
  replayed,           ///< The same idempotency key had closed it before: a safe retry, nothing was changed.
  already_submitted,  ///< Another call closed it first; the result says who and when.
  key_reused,         ///< The idempotency key belongs to another row, or to another actor's submission of this one;
                      ///< nothing was changed.
  conflict,           ///< The record violates a unique or exclusion constraint; nothing was changed.
  full,               ///< A counter is at its limit, which `conflict` names; nothing was changed.
  stale,              ///< An expected value no longer holds; nothing was changed.
  not_found,          ///< There is no such row.
  limited,            ///< The actor submits more often than the contract allows; nothing was looked at.
  unknown             ///< An outcome of a newer server; the result has its text.
};

/// Outcome of a change.
enum class update_outcome {
  updated,    ///< At least one column was changed.
  unchanged,  ///< The row already had these values; nothing was written.
  kept,       ///< Every column that would have changed is protected and was kept.
  stale,      ///< An expected value no longer holds; nothing was changed.
  not_found,  ///< There is no such row.
  unknown     ///< An outcome of a newer server; the result has its text.
};

/// Outcome of a batch.
enum class batch_outcome {
  stored,      ///< Every record was stored.
  partial,     ///< Some were stored; the result lists those that already exist.
  duplicates,  ///< Every record already exists; nothing was changed.
  full,        ///< A counter is at its limit; nothing was stored of the chunk that would take it beyond.
  unknown      ///< An outcome of a newer server; the result has its text.
};

/// Outcome of a request for progress.
enum class progress_outcome {
  found,      ///< The result has the counters.
  not_found,  ///< There is no such row.
  unknown     ///< An outcome of a newer server; the result has its text.
};

/// Outcome of a move along the graph of states.
enum class advance_outcome {
  advanced,       ///< This call moved the row.
  replayed,       ///< The same idempotency key had moved the row before: a safe retry, nothing was changed.
  already_there,  ///< Another call had moved the row to that state; nothing was changed.
  refused,        ///< The graph does not lead there from the row's state; nothing was changed.
  key_reused,     ///< The idempotency key belongs to another row; nothing was changed.
  conflict,       ///< The record violates a unique or exclusion constraint; nothing was changed.
  full,           ///< A counter is at its limit, which `conflict` names; nothing was changed.
  stale,          ///< An expected value no longer holds; nothing was changed.
  not_found,      ///< There is no such row.
  unknown         ///< An outcome of a newer server; the result has its text.
};

/// Outcome of a heartbeat.
enum class beat_outcome {
  alive,      ///< The heartbeat was recorded.
  finished,   ///< Nobody works on the row any more: its state is terminal or not one in which it is alive, or its gate
              ///< is closed. Nothing was written, stop working on it.
  stale,      ///< An expected value no longer holds, or the fence is out of date: somebody else has the row. Nothing
              ///< was written, stop working on it.
  not_found,  ///< There is no such row.
  unknown     ///< An outcome of a newer server; the result has its text.
};

/// Outcome of an amendment.
enum class amend_outcome {
  amended,    ///< At least one column was changed.
  unchanged,  ///< The row already had these values; nothing was written.
  not_found,  ///< There is no such row.
  unknown     ///< An outcome of a newer server; the result has its text.
};

/// The outcome with this spelling; `unknown` for any other text. Never throws.
RATCHET_EXPORT submit_outcome submit_outcome_from(std::string_view text) noexcept;
/// The outcome with this spelling; `unknown` for any other text. Never throws.
RATCHET_EXPORT update_outcome update_outcome_from(std::string_view text) noexcept;
/// The outcome with this spelling; `unknown` for any other text. Never throws.
RATCHET_EXPORT batch_outcome batch_outcome_from(std::string_view text) noexcept;
/// The outcome with this spelling; `unknown` for any other text. Never throws.
RATCHET_EXPORT progress_outcome progress_outcome_from(std::string_view text) noexcept;
/// The outcome with this spelling; `unknown` for any other text. Never throws.
RATCHET_EXPORT advance_outcome advance_outcome_from(std::string_view text) noexcept;
/// The outcome with this spelling; `unknown` for any other text. Never throws.
RATCHET_EXPORT beat_outcome beat_outcome_from(std::string_view text) noexcept;
/// The outcome with this spelling; `unknown` for any other text. Never throws.
RATCHET_EXPORT amend_outcome amend_outcome_from(std::string_view text) noexcept;

/// The outcome as the server spells it. Never throws.
RATCHET_EXPORT std::string_view to_string(submit_outcome outcome) noexcept;
/// The outcome as the server spells it. Never throws.
RATCHET_EXPORT std::string_view to_string(update_outcome outcome) noexcept;
/// The outcome as the server spells it. Never throws.
RATCHET_EXPORT std::string_view to_string(batch_outcome outcome) noexcept;
/// The outcome as the server spells it. Never throws.
RATCHET_EXPORT std::string_view to_string(progress_outcome outcome) noexcept;
/// The outcome as the server spells it. Never throws.
RATCHET_EXPORT std::string_view to_string(advance_outcome outcome) noexcept;
/// The outcome as the server spells it. Never throws.
RATCHET_EXPORT std::string_view to_string(beat_outcome outcome) noexcept;
/// The outcome as the server spells it. Never throws.
RATCHET_EXPORT std::string_view to_string(amend_outcome outcome) noexcept;

/// 201 submitted, 200 replayed, 409 already_submitted, conflict and full, 422 key_reused, 412 stale, 404 not_found,
/// 429 limited, 500 unknown. Never throws.
RATCHET_EXPORT int http_status(submit_outcome outcome) noexcept;
/// 200 updated, 409 unchanged and kept, 412 stale, 404 not_found, 500 unknown. Never throws.
RATCHET_EXPORT int http_status(update_outcome outcome) noexcept;
/// 201 stored, 207 partial, 409 duplicates and full, 500 unknown. Never throws.
RATCHET_EXPORT int http_status(batch_outcome outcome) noexcept;
/// 200 found, 404 not_found, 500 unknown. Never throws.
RATCHET_EXPORT int http_status(progress_outcome outcome) noexcept;
/// 200 advanced and replayed, 409 already_there, refused, conflict and full, 422 key_reused, 412 stale, 404 not_found,
/// 500 unknown. Never throws.
RATCHET_EXPORT int http_status(advance_outcome outcome) noexcept;
/// 200 alive, 409 finished, 412 stale, 404 not_found, 500 unknown. Never throws.
RATCHET_EXPORT int http_status(beat_outcome outcome) noexcept;
/// 200 amended, 409 unchanged, 404 not_found, 500 unknown. Never throws.
RATCHET_EXPORT int http_status(amend_outcome outcome) noexcept;

}  // namespace ratchet
