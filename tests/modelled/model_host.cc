// The scripted host; see model_host.h.
#include "tests/modelled/model_host.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "linux-headers/tdx_abi.h"
#include "target/i386/confidential/model/protections.h"
#include "target/i386/confidential/tdx/td_model.h"
#include "util/text.h"

namespace vmm {

namespace {

constexpr unsigned long kOpen = 0;  // stands for opening a device

uint32_t command_of(unsigned long request, const void* argument) {
    if (argument == nullptr) return 0;
    if (request == abi::kMemoryEncryptOp) return static_cast<const abi::EncryptCommand*>(argument)->id;
    if (request == abi::kSevIssueCommand) return static_cast<const abi::SevIssueCommand*>(argument)->command;
    return 0;
}

Status take_word(const std::string& word, ModelScript& into) {
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (name == "notes") {
        into.notes = value;
        return {};
    }
    std::vector<unsigned> numbers;
    for (const std::string_view part : split(value, ':')) {
        const std::optional<uint64_t> number = parse_u64(part, 10);
        if (!number || *number > UINT32_MAX) return Error::make("'%s': not a number", word.c_str());
        numbers.push_back(static_cast<unsigned>(*number));
    }
    if (name == "fail" && (numbers.size() == 2 || numbers.size() == 3)) {
        into.failing_call = numbers[0];
        into.error = static_cast<int>(numbers[1]);
        if (numbers.size() == 3) into.times = numbers[2];
        return {};
    }
    if (name == "resets" && numbers.size() == 1) {
        into.resets = numbers[0];
        return {};
    }
    if (name == "read" && numbers.size() == 1) {
        into.address = numbers[0];
        return {};
    }
    if (name == "dies" && numbers.size() == 1) {
        into.dies = numbers[0] != 0;
        return {};
    }
    if (name == "pages-at-once" && numbers.size() == 1) {
        into.pages_at_once = numbers[0];
        return {};
    }
    return Error::make(
        "'%s': expected notes=FILE, fail=CALL:ERRNO[:TIMES], resets=N, read=ADDRESS, dies=1 or "
        "pages-at-once=N",
        word.c_str());
}

}  // namespace

Result<ModelScript> parse_model_script(const std::vector<std::string>& words) {
    ModelScript script;
    for (const std::string& word : words)
        TRY(take_word(word, script));
    return script;
}

ModelHost::ModelHost(ModelScript script) : script_(std::move(script)) {
    vm_types = 0x3f;
    opens_any_device = true;
    knows_any_msr = true;
    record_.hash_contents = false;
    firmware_.pages_at_once = script_.pages_at_once;
    firmware_.pdh = firmware_.certificates = std::vector<uint8_t>(64, 1);
    firmware_.chip_id = std::vector<uint8_t>(64, 2);
    model::add_protections(*this, firmware_, &record_);
}

bool ModelHost::fails(unsigned long request, uint32_t command) {
    std::lock_guard lock(notes_mutex_);
    ++calls_made_;
    if (calls_made_ == script_.failing_call) {
        failures_left_ = script_.times;
        failing_request_ = request;
        failing_command_ = command;
    }
    if (failures_left_ == 0 || request != failing_request_ || command != failing_command_) return false;
    --failures_left_;
    return true;
}

void ModelHost::note_answer(unsigned long request, uint32_t command, int answer) {
    if (script_.notes.empty()) return;
    std::lock_guard lock(notes_mutex_);
    notes_ += strf("%u %lx %u %d\n", calls_made_, request, command, answer);
}

int ModelHost::call(int fd, unsigned long request, void* argument) {
    if (request == KVM_RUN) return KernelModel::call(fd, request, argument);
    const uint32_t command = command_of(request, argument);
    const int answer = fails(request, command) ? -script_.error : KernelModel::call(fd, request, argument);
    note_answer(request, command, answer);
    return answer;
}

Result<Fd> ModelHost::open_device(const std::string& path) {
    if (fails(kOpen, 0)) {
        note_answer(kOpen, 0, -script_.error);
        return Error::from_errno(script_.error, "could not open '%s'", path.c_str());
    }
    note_answer(kOpen, 0, 0);
    return KernelModel::open_device(path);
}

// As a processor reads: from the slot that holds the address, or by an exit, whose answer is there when the
// guest runs again. True: it is in an exit.
bool ModelHost::reads(Vcpu& cpu) {
    if (script_.address == 0 || reading_ == Reading::Done) return false;
    uint64_t value = 0;
    const uint8_t* const memory = host_memory(script_.address);
    const char* from = "slot";
    if (reading_ == Reading::Asked) {
        std::memcpy(&value, cpu.run->mmio.data, sizeof value);
        from = "exit";
    } else if (memory != nullptr) {
        std::memcpy(&value, memory, sizeof value);
    } else {
        cpu.run->exit_reason = KVM_EXIT_MMIO;
        cpu.run->mmio.phys_addr = script_.address;
        cpu.run->mmio.len = sizeof value;
        cpu.run->mmio.is_write = 0;
        reading_ = Reading::Asked;
        return true;
    }
    reading_ = Reading::Done;
    std::lock_guard lock(notes_mutex_);
    notes_ += strf("read %s %016llx\n", from, static_cast<unsigned long long>(value));
    return false;
}

// "No way" in R14, with code 0x50000; and SEV-SNP's features that are not there.
void ModelHost::dies(kvm_run& run) const {
    run.system_event.type = vm_type == abi::kVmTdx ? abi::kSystemEventTdxFatal : KVM_SYSTEM_EVENT_SEV_TERM;
    std::fill(std::begin(run.system_event.data), std::end(run.system_event.data), 0);
    run.system_event.ndata = 1;
    run.system_event.data[0] = 0x20100;
    if (vm_type != abi::kVmTdx) return;
    run.system_event.ndata = 16;
    run.system_event.data[0] = 0;
    run.system_event.data[1] = 1u << 14;
    run.system_event.data[12] = 0x50000;
    std::memcpy(&run.system_event.data[14], "No way", 6);
}

// The first processor is the one that does something: each time that it gets into the guest, one thing.
int ModelHost::run(Vcpu& cpu) {
    if (cpu.id != 0 || std::atomic_ref(cpu.run->immediate_exit).load() != 0) return KernelModel::run(cpu);
    if (reads(cpu)) return 0;
    {
        std::lock_guard lock(notes_mutex_);
        notes_ += "run\n";
    }
    if (starts_.fetch_add(1) < script_.resets) {
        cpu.run->exit_reason = KVM_EXIT_SHUTDOWN;  // a triple fault, which resets a PC
        return 0;
    }
    cpu.run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
    cpu.run->system_event.type = KVM_SYSTEM_EVENT_SHUTDOWN;
    if (script_.dies) dies(*cpu.run);
    return 0;
}

Status ModelHost::write_notes() {
    if (script_.notes.empty()) return {};
    if (const model::ProtectionModel* model = protection())
        for (const model::Measurement& one : model->measurements())
            notes_ += strf("%s %s\n", one.name.c_str(), to_hex(one.value).c_str());
    Fd file = TRY(open_file(script_.notes, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    return write_full(file.get(),
                      {static_cast<const uint8_t*>(static_cast<const void*>(notes_.data())), notes_.size()});
}

}  // namespace vmm
