// The names that traces are written with, and looking them up. Internal to trace_parse.cc and trace_print.cc.
#ifndef WSKCERT_CONFORMANCE_MODEL_TRACE_NAMES_H_
#define WSKCERT_CONFORMANCE_MODEL_TRACE_NAMES_H_

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "conformance/executor/format.h"

namespace wskcert::model::trace_names {

struct Named {
  const char* name;
  uint64_t value;
};

inline constexpr Named kStatuses[] = {
    {"SUCCESS", kStatusSuccess},
    {"PENDING", kStatusPending},
    {"EVENT_PENDING", kStatusEventPending},
    {"BUFFER_OVERFLOW", kStatusBufferOverflow},
    {"UNSUCCESSFUL", kStatusUnsuccessful},
    {"NOT_IMPLEMENTED", kStatusNotImplemented},
    {"INVALID_HANDLE", kStatusInvalidHandle},
    {"INVALID_PARAMETER", kStatusInvalidParameter},
    {"INVALID_DEVICE_REQUEST", kStatusInvalidDeviceRequest},
    {"ACCESS_DENIED", kStatusAccessDenied},
    {"INSUFFICIENT_RESOURCES", kStatusInsufficientResources},
    {"DEVICE_NOT_READY", kStatusDeviceNotReady},
    {"FILE_FORCED_CLOSED", kStatusFileForcedClosed},
    {"NOT_SUPPORTED", kStatusNotSupported},
    {"REQUEST_NOT_ACCEPTED", kStatusRequestNotAccepted},
    {"CANCELLED", kStatusCancelled},
    {"INVALID_DEVICE_STATE", kStatusInvalidDeviceState},
    {"ADDRESS_ALREADY_EXISTS", kStatusAddressAlreadyExists},
    {"DATA_NOT_ACCEPTED", kStatusDataNotAccepted},
    {"NOINTERFACE", kStatusNoInterface},
};

inline constexpr Named kOps[] = {
    {"register", 1},
    {"capture", 2},
    {"query_characteristics", 3},
    {"release_npi", 4},
    {"deregister", 5},
    {"control_client", 6},
    {"socket", 16},
    {"socket_connect", 17},
    {"bind", 18},
    {"listen", 19},
    {"connect", 20},
    {"connect_ex", 21},
    {"accept", 22},
    {"event_callback", 23},
    {"get_event_callback", 24},
    {"conditional_accept", 25},
    {"get_conditional_accept", 26},
    {"query_send_backlog", 27},
    {"query_inspect_id", 28},
    {"register_extension", 29},
    {"set_remote_address", 30},
    {"set_send_to_address", 31},
    {"set_silent_mode", 32},
    {"send", 33},
    {"receive", 34},
    {"send_to", 35},
    {"receive_from", 36},
    {"release", 37},
    {"disconnect", 38},
    {"inspect_complete", 39},
    {"get_local_address", 40},
    {"get_remote_address", 41},
    {"cancel_irp", 42},
    {"close", 43},
    {"ping", 44},
    {"peer_listen", 64},
    {"peer_connect", 65},
    {"peer_abandon", 66},
    {"peer_send", 67},
    {"peer_send_datagram", 68},
    {"peer_disconnect", 69},
    {"peer_reset", 70},
    {"peer_hold_acks", 71},
    {"set_ideal_backlog", 72},
    {"break_socket", 73},
    {"break_bound", 76},
    {"no_half_open", 77},
    {"set_ready", 78},
    {"fail_allocations", 74},
    {"transport_list_change", 75},
    {"settle", 96},
    {"release_hold", 97},
    {"await_hold", 98},
    {"await_irp", 99},
    {"read_retained", 100},
    {"scribble", 101},
    {"yield", 102},
};

inline constexpr Named kEventNames[] = {{"accept", 0},       {"inspect", 1},      {"abort", 2},
                                        {"receive", 3},      {"receive_from", 4}, {"disconnect", 5},
                                        {"send_backlog", 6}, {"client_event", 7}, {"extension", 8}};
inline constexpr Named kMasks[] = {
    {"SEND_BACKLOG", kEventSendBacklog}, {"RECEIVE", kEventReceive}, {"DISCONNECT", kEventDisconnect},
    {"RECEIVE_FROM", kEventReceiveFrom}, {"ACCEPT", kEventAccept},   {"DISABLE", kEventDisable}};
inline constexpr Named kFlagNames[] = {{"ABORTIVE", kFlagAbortive},
                                       {"RELEASE_ASAP", kFlagReleaseAsap},
                                       {"ENTIRE_MESSAGE", kFlagEntireMessage},
                                       {"AT_DISPATCH_LEVEL", kFlagAtDispatchLevel},
                                       {"MSG_TRUNC", kMessageTruncated},
                                       {"MSG_CTRUNC", kMessageControlTruncated},
                                       {"MSG_BCAST", kMessageBroadcast},
                                       {"MSG_MCAST", kMessageMulticast}};
inline constexpr Named kContents[] = {{"none", 0}, {"exact", 1}, {"foreign", 2}, {"corrupt", 3}};
inline constexpr Named kFaults[] = {{"bad-context", 1},  {"bad-indication", 2}, {"second-completion", 3},
                                    {"irql-changed", 4}, {"null-socket", 5},    {"bad-irp", 6}};
inline constexpr Named kEndings[] = {{"finished", 0}, {"bug-check", 1}, {"deadlock", 2}, {"livelock", 3},
                                     {"overflow", 4}, {"crashed", 5},   {"timed-out", 6}};
inline constexpr Named kSights[] = {{"connected", 1}, {"data", 2},    {"fin", 3},
                                    {"reset", 4},     {"refused", 5}, {"datagram", 6}};

// The kinds of line, and which observation each stands for.
inline constexpr Named kLines[] = {
    {"call", 1},   {"return", 2}, {"complete", 3}, {"completion-end", 4}, {"event", 5},     {"node", 6},
    {"end", 7},    {"begin", 8},  {"done", 9},     {"saw", 10},           {"quiet", 11},    {"skip", 12},
    {"fault", 13}, {"held", 14},  {"unheld", 15},  {"hold-refused", 16},  {"retained", 17}, {"finish", 18}};

template <size_t N>
bool Lookup(const Named (&table)[N], std::string_view name, uint64_t* value) {
  for (const Named& entry : table) {
    if (name == entry.name) {
      *value = entry.value;
      return true;
    }
  }
  return false;
}

template <size_t N>
std::string NameIn(const Named (&table)[N], uint64_t value) {
  for (const Named& entry : table) {
    if (value == entry.value) return entry.name;
  }
  return std::to_string(value);
}

inline bool Number(std::string_view text, uint64_t* value) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value, hex ? 16 : 10);
  return error == std::errc() && end == text.data() + text.size();
}

template <size_t N>
bool NameOrNumber(const Named (&table)[N], std::string_view text, uint64_t* value) {
  return Lookup(table, text, value) || Number(text, value);
}

// Names joined by `|`.
template <size_t N>
bool Combination(const Named (&table)[N], std::string_view text, uint64_t* value) {
  *value = 0;
  while (!text.empty()) {
    const size_t bar = text.find('|');
    uint64_t one;
    if (!NameOrNumber(table, text.substr(0, bar), &one)) return false;
    *value |= one;
    text = bar == std::string_view::npos ? std::string_view() : text.substr(bar + 1);
  }
  return true;
}

template <size_t N>
std::string CombinationText(const Named (&table)[N], uint64_t value) {
  std::string text;
  for (const Named& entry : table) {
    if ((value & entry.value) == 0) continue;
    text.append(text.empty() ? "" : "|").append(entry.name);
    value &= ~entry.value;
  }
  if (value != 0 || text.empty()) text.append(text.empty() ? "" : "|").append(std::to_string(value));
  return text;
}

}  // namespace wskcert::model::trace_names

#endif  // WSKCERT_CONFORMANCE_MODEL_TRACE_NAMES_H_
