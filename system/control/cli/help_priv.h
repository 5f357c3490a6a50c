// The texts that the command line prints: -help and the listings of types and their properties, all read from
// tables.
#pragma once

#include <span>
#include <string>

#include "hw/core/device_type.h"
#include "qapi/type_info.h"

namespace vmm::cli {

std::string option_help();
std::string version_text();
std::string machine_help();
std::string accel_help();
// "-object help" and kin: the values of the discriminator.
std::string branches_help(std::string_view title, const qapi::UnionInfo& info);
// "-object TYPE,help": the common members and those of a branch; an error text when there is no such branch.
std::string branch_members_help(std::string_view value, const qapi::UnionInfo& info);
std::string members_help(std::span<const qapi::MemberInfo> members);
// "-device help" and "-device TYPE,help"; a text that says so when there is no such type.
std::string devices_help(const DeviceTypes& types);
std::string device_help(std::string_view name, const DeviceTypes& types);
std::string log_items_help();
std::string trace_help();

}  // namespace vmm::cli
