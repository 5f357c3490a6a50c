// The properties of every PCI device as text and JSON.
#include "hw/pci/function_config.h"

#include <gtest/gtest.h>

#include "qom/property_table.h"

namespace vmm::pci {
namespace {

struct Config : FunctionConfig {};
constexpr auto kProps = function_props<Config>();

TEST(FunctionConfig, addressesAreTextOrNumbers) {
    Config config;
    ASSERT_TRUE(read_property(kProps, "x", "addr", "1f.2", Spelling::Text, &config));
    EXPECT_EQ(config.addr, (DevFn{0x1f, 2}));
    ASSERT_TRUE(read_property(kProps, "x", "addr", "0x4", Spelling::Json, &config) ||
                read_property(kProps, "x", "addr", "4", Spelling::Json, &config));
    EXPECT_EQ(config.addr, (DevFn{4, 0}));
    ASSERT_TRUE(read_property(kProps, "x", "addr", 0xfa, Spelling::Json, &config));
    EXPECT_EQ(config.addr, (DevFn{0x1f, 2}));
    EXPECT_EQ(write_property(kProps[0], &config), qapi::Value("1f.2"));
    for (const qapi::Value& bad : {qapi::Value("20"), qapi::Value("1.8"), qapi::Value(""), qapi::Value(256)})
        EXPECT_FALSE(read_property(kProps, "x", "addr", bad, Spelling::Json, &config));
}

}  // namespace
}  // namespace vmm::pci
