// The command line: what right ones become, that wrong ones give exactly one telling line
// (bad_command_lines.txt), and that help comes from the tables.
#include "system/control/cli/command_line.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "hw/char/debug_exit.h"
#include "hw/char/debugcon.h"
#include "hw/char/serial_isa.h"
#include "qapi/types_qom.h"
#include "tests/unit/system/control/parse_words.h"
#include "util/text.h"

namespace vmm {
namespace {

// Arguments without spaces inside.
Configuration good(std::string_view line) {
    std::vector<std::string> arguments;
    for (std::string_view piece : split(line, ' '))
        if (!piece.empty()) arguments.emplace_back(piece);
    auto parsed = parse_words(arguments);
    EXPECT_TRUE(parsed) << line << ": " << (parsed ? "" : parsed.error().message());
    return parsed ? parsed->configuration : Configuration();
}

std::string bad(std::string_view line) {
    std::vector<std::string> arguments;
    for (std::string_view piece : split(line, ' '))
        arguments.emplace_back(piece);
    auto parsed = parse_words(arguments);
    EXPECT_FALSE(parsed) << line;
    return parsed ? "" : parsed.error().message();
}

std::string printed(const std::vector<std::string>& arguments) {
    auto parsed = parse_words(arguments);
    if (!parsed) return "error: " + parsed.error().message();
    EXPECT_EQ(parsed->action, CommandLine::Action::Print);
    return parsed->text;
}

template <typename D>
const typename D::Config& config_of(const Configuration& c, size_t index) {
    const DeviceRequest& request = c.machine.devices.at(index);
    EXPECT_EQ(request.type->info.name, D::kInfo.name);
    return *static_cast<const typename D::Config*>(request.config->data());
}

// Stands in the table for every type that the schema has.
constexpr std::string_view kAnyObject = "@object-types@";

std::string object_types() {
    const auto names = qapi::kObjectTypeInfo.values;
    return join({names.begin(), names.end()}, ", ");
}

TEST(CommandLine, WrongOnesGiveOneLineThatSaysWhatWouldBeRight) {
    std::ifstream file(std::string(TEST_DATA) + "/bad_command_lines.txt");
    ASSERT_TRUE(file);
    int cases = 0;
    std::string line, wanted;
    while (std::getline(file, line)) {
        if (!line.starts_with("$ ")) continue;
        ASSERT_TRUE(std::getline(file, wanted));
        std::vector<std::string> arguments;
        for (std::string_view piece : split(std::string_view(line).substr(2), '|'))
            arguments.emplace_back(piece);
        auto parsed = parse_words(arguments);
        ++cases;
        if (parsed) {
            ADD_FAILURE() << line << " was accepted";
            continue;
        }
        std::string got = parsed.error().message();
        if (const size_t at = wanted.find(kAnyObject); at != std::string::npos)
            wanted.replace(at, kAnyObject.size(), object_types());
        if (wanted.ends_with("...")) got = got.substr(0, wanted.size() - 3) + "...";
        EXPECT_EQ(got, wanted) << line;
        EXPECT_EQ(got.find('\n'), std::string::npos) << line;
    }
    EXPECT_GE(cases, 200);
}

TEST(CommandLine, ControlCharactersCannotBreakTheLine) {
    for (const char* text : {"a\nb", "a\rb=1", "\x1b[31m", "x=\n"}) {
        for (const char* option :
             {"-machine", "-object", "-device", "-cpu", "-serial", "-smp", "-d", "-uuid"}) {
            auto parsed = parse_words({option, text});
            ASSERT_FALSE(parsed) << option << text;
            for (char c : parsed.error().message())
                EXPECT_GE(static_cast<unsigned char>(c), 0x20) << option << " " << text;
        }
    }
}

TEST(CommandLine, NothingGivenIsASmallMachine) {
    Configuration c = good("");
    EXPECT_EQ(c.machine.memory.size, 128 * kMiB);
    ASSERT_EQ(c.memory_backends.size(), 1u);
    EXPECT_EQ(c.memory_backends[0].id, "pc.ram");
    EXPECT_EQ(c.machine.memory.backend, "pc.ram");
    EXPECT_EQ(c.machine.smp.cpus, 1u);
    ASSERT_EQ(c.machine.devices.size(), 1u) << "a port with nothing behind it";
    EXPECT_TRUE(std::holds_alternative<ChardevNull>(c.chardevs.at(0).backend));
    EXPECT_TRUE(good("-nodefaults").machine.devices.empty());
}

TEST(CommandLine, TheSeriesWithAnObject) {
    Configuration c = good(
        "-object sw-protected-vm,id=sp-vm0 -object memory-backend-ram,id=mem0,size=1G,private=on "
        "-machine q35,kernel_irqchip=split,confidential-guest-support=sp-vm0,memory-backend=mem0");
    ASSERT_TRUE(c.confidential);
    EXPECT_EQ(c.confidential->id, "sp-vm0");
    EXPECT_EQ(c.confidential->qom_type, qapi::ObjectType::SwProtectedVm);
    EXPECT_EQ(c.machine.confidential_guest_support, "sp-vm0");
    EXPECT_EQ(c.machine.irqchip, IrqChipChoice::Split);
    EXPECT_EQ(c.machine.memory.size, kGiB);
    ASSERT_EQ(c.memory_backends.size(), 1u);
    EXPECT_EQ(c.memory_backends[0].private_memory, true);
}

TEST(CommandLine, TheSeriesWithKvmType) {
    Configuration c = good(
        "-object memory-backend-ram,id=mem0,size=1G,private=on "
        "-machine q35,kvm-type=sw-protected-vm,memory-backend=mem0");
    ASSERT_TRUE(c.confidential);
    EXPECT_EQ(c.machine.confidential_guest_support, c.confidential->id);
    EXPECT_EQ(c.machine.irqchip, IrqChipChoice::Auto);
}

TEST(CommandLine, DefaultMemoryMayBeShared) {
    Configuration c = good(
        "-object sw-protected-vm,id=s,default-memory=shared -machine confidential-guest-support=s -m 1G");
    const auto* properties = std::get_if<qapi::SwProtectedVmProperties>(&c.confidential->u);
    ASSERT_NE(properties, nullptr);
    EXPECT_EQ(properties->default_memory, qapi::DefaultMemory::Shared);
    EXPECT_EQ(c.memory_backends.at(0).private_memory, std::nullopt) << "the kind of VM decides";
}

TEST(CommandLine, FirmwareOnTheTerminal) {
    Configuration c = good("-machine q35 -m 512 -bios /usr/share/seabios/bios-256k.bin -nographic");
    EXPECT_EQ(c.machine.memory.size, 512 * kMiB);
    EXPECT_EQ(c.machine.boot.bios, "/usr/share/seabios/bios-256k.bin");
    EXPECT_FALSE(c.machine.graphics);
    ASSERT_EQ(c.chardevs.size(), 1u);
    EXPECT_TRUE(c.chardevs[0].mux);
    const auto* stdio = std::get_if<ChardevStdio>(&c.chardevs[0].backend);
    ASSERT_NE(stdio, nullptr);
    EXPECT_FALSE(stdio->signal) << "Ctrl-C goes to the guest";
    EXPECT_EQ(config_of<SerialIsa>(c, 0).chardev, c.chardevs[0].id);
}

TEST(CommandLine, SizesOfMemory) {
    EXPECT_EQ(good("-m 512").machine.memory.size, 512 * kMiB);
    EXPECT_EQ(good("-m size=1.5G,slots=0").machine.memory.size, 1536 * kMiB);
    EXPECT_EQ(good("-m 1G,maxmem=1G").machine.memory.size, kGiB);
    EXPECT_EQ(good("-machine memory.size=1G").machine.memory.size, kGiB);
    EXPECT_EQ(good("-m 1G -m 2G").machine.memory.size, 2 * kGiB) << "the last one wins";
    EXPECT_EQ(good("-machine max-ram-below-4g=1G").machine.memory.max_ram_below_4g, kGiB);
}

TEST(CommandLine, TwoDashesAndUnderscores) {
    Configuration c = good("--machine q35,dump_guest_core=off,mem-merge=off --no-reboot --no-shutdown -S");
    EXPECT_FALSE(c.dump_guest_core);
    EXPECT_FALSE(c.mem_merge);
    EXPECT_TRUE(c.actions.reboot == qapi::RebootAction::Shutdown &&
                c.actions.shutdown == qapi::ShutdownAction::Pause && c.start_paused);
}

TEST(CommandLine, MachineOptionsAddUp) {
    Configuration c =
        good("-machine q35,hpet=off -M pit=off,acpi=off,smm=off -kernel k -append a,b -initrd i -dtb d");
    EXPECT_FALSE(c.machine.hpet);
    EXPECT_FALSE(c.machine.pit);
    EXPECT_FALSE(c.machine.acpi);
    EXPECT_EQ(c.machine.smm, OnOffAuto::Off);
    EXPECT_EQ(c.machine.boot.kernel, "k");
    EXPECT_EQ(c.machine.boot.append, "a,b") << "not a list of options";
    EXPECT_EQ(c.machine.boot.initrd, "i");
    EXPECT_EQ(c.machine.boot.dtb, "d");
}

TEST(CommandLine, OptionsFromAFile) {
    const std::string path = "/tmp/penumbra-readconfig-test." + std::to_string(getpid());
    auto write = [&](const char* text) {
        FILE* file = fopen(path.c_str(), "w");
        fputs(text, file);
        fclose(file);
    };
    write("# comment\n[memory]\n  size = \"200\"\n\n[object \"m,1\"]\n");
    EXPECT_NE(bad("-readconfig " + path).find("line 5: "), std::string::npos) << "an id with a comma";
    write(
        "[memory]\nsize = \"200\"\n[object \"m\"]\nqom-type = "
        "\"memory-backend-ram\"\nsize=\"64M\"\n[machine]\ntype = \"none\"");
    const Configuration c = good("-readconfig " + path);
    EXPECT_EQ(c.machine.memory.size, 200u << 20);
    EXPECT_EQ(c.machine.type, "none");
    ASSERT_EQ(c.memory_backends.size(), 2u);
    EXPECT_EQ(c.memory_backends[0].id, "m");
    EXPECT_EQ(c.memory_backends[1].id, "ram");
    for (const char* wrong : {"size = \"1\"", "[nonsense]", "[memory", "[memory]\nsize = 1", "[memory]\nsize",
                              "[memory]\n= \"\"", "[object m]", "[memory]\nsize = \"x\""}) {
        write(wrong);
        EXPECT_NE(bad("-readconfig " + path).find("-readconfig"), std::string::npos) << wrong;
    }
    unlink(path.c_str());
    EXPECT_NE(bad("-readconfig " + path).find("No such file"), std::string::npos);
}

TEST(CommandLine, Machines) {
    EXPECT_EQ(good("").machine.type, "pc-q35-7.2");
    EXPECT_EQ(good("-machine q35").machine.type, "pc-q35-7.2");
    EXPECT_EQ(good("-M pc-q35-5.0 -machine hpet=off -machine graphics=off").machine.type, "pc-q35-5.0");
    EXPECT_EQ(good("-machine none").machine.type, "none");
}

TEST(CommandLine, Accelerators) {
    EXPECT_EQ(good("-accel kvm,kernel-irqchip=off,device=/dev/other").machine.irqchip, IrqChipChoice::Off);
    EXPECT_EQ(good("-accel kvm,device=/dev/other").accels.at(0).device, "/dev/other");
    EXPECT_EQ(good("-enable-kvm").accels.at(0).kind, AccelKind::Kvm);
    EXPECT_EQ(good("-machine accel=kvm -enable-kvm -vnc none").accels.size(), 1u);
    EXPECT_EQ(good("-accel tcg -enable-kvm").accels.size(), 2u);
    good("-machine accel=kvm:tcg");
    const Configuration several = good("-accel tcg -accel kvm -accel qtest");
    ASSERT_EQ(several.accels.size(), 3u);
    EXPECT_EQ(several.accels[0].kind, AccelKind::Absent);
    EXPECT_EQ(several.accels[0].name, "tcg");
    EXPECT_EQ(several.accels[1].kind, AccelKind::Kvm);
    EXPECT_EQ(several.accels[2].kind, AccelKind::Qtest);
    const Configuration client = good("-accel qtest -qtest unix:/x.sock -qtest-log none");
    EXPECT_EQ(client.qtest_chardev, "qtest");
    EXPECT_EQ(client.chardevs.size(), 2u);
}

TEST(CommandLine, ProcessorsAndNodes) {
    Configuration c = good(
        "-smp 4,sockets=2 -object memory-backend-ram,id=a,size=64M -object "
        "memory-backend-memfd,id=b,size=128M "
        "-numa node,memdev=a -numa node,memdev=b -numa dist,src=0,dst=1,val=31 -cpu host,+x2apic");
    EXPECT_EQ(c.machine.smp, (SmpTopology{4, 4, 2, 1, 2, 1}));
    ASSERT_EQ(c.machine.memory.nodes.size(), 2u);
    EXPECT_EQ(c.machine.memory.nodes[0].cpus, (std::vector<unsigned>{0, 1})) << "a socket stays together";
    EXPECT_EQ(c.machine.memory.nodes[1].cpus, (std::vector<unsigned>{2, 3}));
    EXPECT_EQ(c.machine.memory.nodes[1].memory_backend, "b");
    EXPECT_EQ(c.machine.memory.size, 192 * kMiB);
    EXPECT_EQ(c.machine.memory.distances, (std::vector<std::vector<uint8_t>>{{10, 31}, {31, 10}}));
    EXPECT_EQ(c.machine.cpu.text, "host,+x2apic");
    c = good("-smp 3 -numa node,cpus=1-2 -m 64");
    EXPECT_EQ(c.machine.memory.nodes.at(0).cpus, (std::vector<unsigned>{0, 1, 2}));
    EXPECT_EQ(c.machine.memory.nodes[0].memory_backend, "pc.ram");
}

TEST(CommandLine, HowFastMemoryIs) {
    const Configuration c = good(
        "-machine hmat=on -smp 2 -object memory-backend-ram,id=a,size=64M -object "
        "memory-backend-ram,id=b,size=64M -numa node,memdev=a,cpus=0-1 -numa node,memdev=b,initiator=0 "
        "-numa hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=access-bandwidth,bandwidth=200M "
        "-numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-latency,latency=5 "
        "-numa hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=access-latency,latency=10 "
        "-numa hmat-cache,node-id=1,size=10K,level=1,associativity=direct,policy=write-back,line=8");
    ASSERT_TRUE(c.machine.memory.hmat.has_value());
    const HmatConfig& hmat = *c.machine.memory.hmat;
    EXPECT_EQ(hmat.initiators, (std::vector<std::optional<unsigned>>{0, 0}));
    EXPECT_EQ(hmat.processors, std::vector<unsigned>{0});
    ASSERT_EQ(hmat.matrices.size(), 2u);
    EXPECT_EQ(hmat.matrices[0].kind, 0) << "in the table's order";
    EXPECT_EQ(hmat.matrices[0].values, (std::vector<std::vector<uint64_t>>{{5, 10}, {0, 0}}));
    EXPECT_EQ(hmat.matrices[1].values, (std::vector<std::vector<uint64_t>>{{0, 200}, {0, 0}}));
    ASSERT_EQ(hmat.caches.size(), 1u);
    EXPECT_EQ(hmat.caches[0].size, 10 * kKiB);
    EXPECT_EQ(hmat.caches[0].line, 8);
    EXPECT_FALSE(good("-numa node").machine.memory.hmat.has_value());
}

TEST(CommandLine, ObjectsInJson) {
    auto parsed = parse_words(
        {"-object",
         R"({"qom-type": "memory-backend-file", "id": "m", "size": 67108864, "mem-path": "/dev/shm",)"
         R"( "share": true, "host-nodes": [0], "policy": "bind"})",
         "-machine", "memory-backend=m"});
    ASSERT_TRUE(parsed) << parsed.error().message();
    const MemoryBackendConfig& backend = parsed->configuration.memory_backends.at(0);
    EXPECT_EQ(backend.kind, MemoryBackendKind::File);
    EXPECT_EQ(backend.mem_path, "/dev/shm");
    EXPECT_EQ(backend.host_nodes, std::vector<uint16_t>{0});
    EXPECT_EQ(backend.policy, HostMemPolicy::Bind);
    EXPECT_EQ(parsed->configuration.machine.memory.size, 64 * kMiB);
}

// What keyval says can be said in JSON, strictly typed, and both add up.
TEST(CommandLine, EveryTypedOptionInJson) {
    const Configuration c = good(
        R"(-machine {"type":"q35","hpet":false,"kernel-irqchip":"split"} -machine graphics=off -accel {"accel":"kvm"} )"
        R"(-smp {"cpus":2,"maxcpus":4,"sockets":4} -m {"size":268435456,"slots":2,"max-size":1073741824} )"
        R"(-cpu {"name":"max","props":{"pmu":false,"x2apic":"on","phys-bits":40}} )"
        R"(-object {"qom-type":"memory-backend-ram","id":"m0","size":268435456} )"
        R"(-numa {"type":"node","nodeid":0,"memdev":"m0","cpus":[0,1,2,3]} )"
        R"(-chardev {"backend":"null","id":"c0"} -rtc {"base":"localtime"})");
    EXPECT_EQ(c.machine.irqchip, IrqChipChoice::Split);
    EXPECT_FALSE(c.machine.hpet);
    EXPECT_FALSE(c.machine.graphics);
    EXPECT_EQ(c.machine.smp.max_cpus, 4u);
    EXPECT_EQ(c.machine.memory.size, 268435456u);
    EXPECT_EQ(c.machine.memory.module_bytes, 1073741824u - 268435456u);
    EXPECT_EQ(c.machine.cpu.text, "max,pmu=off,x2apic=on,phys-bits=40");
    ASSERT_EQ(c.machine.memory.nodes.size(), 1u);
    EXPECT_EQ(c.machine.memory.nodes[0].cpus, (std::vector<unsigned>{0, 1, 2, 3}));
    ASSERT_FALSE(c.chardevs.empty());
    EXPECT_EQ(c.chardevs[0].id, "c0") << "the one that was asked for comes first";
    EXPECT_EQ(c.machine.rtc.base, RtcBase::LocalTime);
    EXPECT_NE(bad(R"(-machine {"hpet":"off"})").find("Parameter 'hpet' expects true or false"),
              std::string::npos)
        << bad(R"(-machine {"hpet":"off"})");
    EXPECT_NE(bad(R"(-smp {"cpus":"2"})").find("'cpus'"), std::string::npos);
    EXPECT_NE(bad(R"(-m {"maxmem":5})").find("'maxmem'"), std::string::npos);
    EXPECT_NE(bad(R"(-cpu {"props":{}})").find("'name'"), std::string::npos);
    EXPECT_NE(bad(R"(-cpu {"name":"max","props":[]})").find("'props'"), std::string::npos);
    EXPECT_NE(bad(R"(-accel {"accel")").find("JSON"), std::string::npos) << bad(R"(-accel {"accel")");
}

TEST(CommandLine, CharacterDevicesAndWhatUsesThem) {
    Configuration c = good(
        "-chardev socket,id=s,path=/tmp/s,server,nowait -serial chardev:s -serial none -serial file:/tmp/a,b "
        "-debugcon unix:/tmp/d,server=on,wait=off -device isa-debug-exit,iobase=0xf4,iosize=4 "
        "-chardev ringbuf,id=r,size=4K -device isa-debugcon,chardev=r,iobase=0x402");
    const auto* socket = std::get_if<ChardevSocket>(&c.chardevs.at(0).backend);
    ASSERT_NE(socket, nullptr);
    EXPECT_TRUE(socket->server);
    EXPECT_FALSE(socket->wait);
    const auto* file = std::get_if<ChardevFile>(&c.chardevs.at(2).backend);
    ASSERT_NE(file, nullptr);
    EXPECT_EQ(file->out, "/tmp/a,b") << "the rest of the text is the path";
    ASSERT_EQ(c.machine.devices.size(), 5u);
    EXPECT_EQ(config_of<SerialIsa>(c, 0).chardev, "s");
    EXPECT_EQ(config_of<SerialIsa>(c, 1).chardev, "serial2");
    EXPECT_EQ(config_of<SerialIsa>(c, 1).index, 2u) << "none leaves its port out";
    EXPECT_EQ(config_of<DebugCon>(c, 2).chardev, "debugcon");
    EXPECT_EQ(config_of<DebugExit>(c, 3).iobase, 0xf4u);
    EXPECT_EQ(config_of<DebugCon>(c, 4).iobase, 0x402u);
    EXPECT_TRUE(c.machine.devices[0].board && !c.machine.devices[4].board);
}

TEST(CommandLine, TcpAddresses) {
    Configuration c = good("-serial tcp:[::1]:4444,server=on,wait=off -serial tcp:localhost:22,nodelay");
    const auto* first = std::get_if<ChardevSocket>(&c.chardevs.at(0).backend);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(std::get_if<InetAddress>(&first->addr)->host, "::1");
    EXPECT_EQ(std::get_if<InetAddress>(&first->addr)->port, "4444");
    const auto* second = std::get_if<ChardevSocket>(&c.chardevs.at(1).backend);
    ASSERT_NE(second, nullptr);
    EXPECT_FALSE(second->server);
    EXPECT_TRUE(second->nodelay);
}

TEST(CommandLine, AMuxIsShared) {
    Configuration c =
        good("-chardev stdio,id=c,mux=on,signal=off -serial chardev:c -device isa-debugcon,chardev=c");
    EXPECT_TRUE(c.chardevs.at(0).mux);
}

TEST(CommandLine, GlobalsAreDefaultsWhereverTheyStand) {
    Configuration c = good(
        "-nodefaults -global isa-debug-exit.iobase=0x10 -device isa-debug-exit,iosize=4 -global "
        "isa-debug-exit.iosize=8");
    EXPECT_EQ(config_of<DebugExit>(c, 0).iobase, 0x10u);
    EXPECT_EQ(config_of<DebugExit>(c, 0).iosize, 4u);
}

TEST(CommandLine, TheProcess) {
    Configuration c = good(
        "-name guest=vm,,1,process=p,debug-threads=on -uuid 12345678-1234-1234-1234-123456789abc -pidfile "
        "/tmp/p "
        "-D /tmp/l -d guest_errors,unimp,trace:kvm_* -trace ram_* -msg timestamp=on,guest-name=on "
        "-no-user-config "
        "-display none -vga none -monitor none -net none -serial null -daemonize -rtc "
        "base=2026-01-31T12:00:00");
    EXPECT_EQ(c.machine.name, "vm,1");
    EXPECT_EQ(c.process.process_name, "p");
    EXPECT_TRUE(c.process.thread_names && c.process.daemonize);
    EXPECT_EQ(c.machine.uuid->text(), "12345678-1234-1234-1234-123456789abc");
    EXPECT_EQ(c.process.log_items, 3u);
    EXPECT_EQ(c.process.trace_patterns, (std::vector<std::string>{"kvm_*", "ram_*"}));
    EXPECT_TRUE(c.process.message_timestamp && c.process.message_guest_name);
    EXPECT_EQ(c.machine.rtc.base, RtcBase::Fixed);
    EXPECT_EQ(c.machine.rtc.fixed_seconds, 1769860800);
}

TEST(CommandLine, HelpComesFromTheTables) {
    EXPECT_TRUE(printed({"-version"}).starts_with("QEMU emulator version 7.2.0 (penumbra version "));
    EXPECT_NE(printed({"-help"}).find("-machine"), std::string::npos);
    EXPECT_NE(printed({"-machine", "help"}).find("kernel-irqchip=<on|off|split>"), std::string::npos);
    EXPECT_NE(printed({"-object", "help"}).find("sw-protected-vm"), std::string::npos);
    EXPECT_NE(printed({"-object", "sw-protected-vm,help"}).find("default-memory=<private|shared>"),
              std::string::npos);
    EXPECT_NE(printed({"-device", "?"}).find("isa-debugcon"), std::string::npos);
    EXPECT_NE(printed({"-device", "isa-debugcon,help"}).find("readback"), std::string::npos);
    EXPECT_NE(printed({"-accel", "help"}).find("kvm"), std::string::npos);
    EXPECT_NE(printed({"-cpu", "help"}).find("EPYC-Milan"), std::string::npos);
    EXPECT_NE(printed({"-d", "help"}).find("guest_errors"), std::string::npos);
    for (const std::string& line : {printed({"-help"}), printed({"-machine", "help"})})
        for (std::string_view row : split(line, '\n'))
            EXPECT_LE(row.size(), 110u) << row;
}

TEST(CommandLine, theDoctorTakesAFormatOrNone) {
    auto plain = parse_words({"-doctor"});
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->action, CommandLine::Action::Examine);
    EXPECT_FALSE(plain->as_json);
    auto json = parse_words({"-m", "64", "--doctor", "json", "-no-such-option"});
    ASSERT_TRUE(json);
    EXPECT_TRUE(json->as_json);
    auto before_an_option = parse_words({"-doctor", "-nodefaults"});
    ASSERT_TRUE(before_an_option);
    EXPECT_EQ(before_an_option->action, CommandLine::Action::Examine);
    EXPECT_FALSE(parse_words({"-doctor", "yaml"}));
}

}  // namespace
}  // namespace vmm
