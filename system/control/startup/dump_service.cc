// One dump at a time, its thread and its end; see dump_service.h.
#include "system/control/startup/dump_service.h"

#include <fcntl.h>

#include "qapi/commands_dump.h"
#include "system/control/dump/elf_core.h"
#include "system/control/dump/kdump.h"
#include "system/control/hmp/table.h"
#include "system/control/startup/dump_plan.h"
#include "system/control/startup/run_policy.h"
#include "util/event_loop.h"
#include "util/fd_store.h"
#include "util/text.h"
#include "util/thread.h"

namespace vmm {

namespace {

Result<Fd> open_target(FdStore& fds, const std::string& protocol) {
    constexpr std::string_view kFd = "fd:", kFile = "file:";
    if (protocol.starts_with(kFd)) return fds.take(protocol.substr(kFd.size()));
    if (protocol.starts_with(kFile))
        return fds.open(protocol.substr(kFile.size()), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    return Error::make("Parameter 'protocol' expects file:PATH or fd:NAME");
}

}  // namespace

struct DumpService::Job {
    dump::DumpPlan plan;
    std::unique_ptr<dump::DumpMemory> memory;
    std::unique_ptr<dump::DumpSink> sink;
    qapi::DumpGuestMemoryFormat format = qapi::DumpGuestMemoryFormat::Elf;
    bool ran = false;  // the guest is to run on
    std::atomic<uint64_t> done{0};
    Status outcome = {};
    Thread thread = {};

    void write() {
        outcome = format == qapi::DumpGuestMemoryFormat::Elf ? write_elf(plan, *memory, *sink, done)
                                                             : write_kdump(plan, *memory, *sink, done);
    }
};

DumpService::DumpService(EventLoop& loop, qapi::EventSink& events, MachineView& view, RunPolicy& policy,
                         FdStore& fds)
    : loop_(loop), events_(events), view_(view), policy_(policy), fds_(fds) {}

DumpService::~DumpService() {
    machine_gone();
}

void DumpService::register_commands(qapi::CommandTable& table) {
    table.add<qapi::DumpGuestMemoryCommand>(
        [this](const qapi::DumpGuestMemoryArguments& asked) { return dump(asked); });
    table.add<qapi::QueryDumpCommand>([this] { return Result<qapi::DumpQueryResult>(progress()); });
    table.add<qapi::QueryDumpGuestMemoryCapabilityCommand>([] {
        return Result<qapi::DumpGuestMemoryCapability>(qapi::DumpGuestMemoryCapability{
            .formats = {qapi::DumpGuestMemoryFormat::Elf, qapi::DumpGuestMemoryFormat::KdumpZlib}});
    });
}

qapi::DumpQueryResult DumpService::progress() const {
    if (job_ == nullptr) return last_;
    return {.status = qapi::DumpStatus::Active,
            .completed = static_cast<int64_t>(job_->done.load(std::memory_order_relaxed)),
            .total = static_cast<int64_t>(job_->plan.bytes())};
}

Status DumpService::dump(const qapi::DumpGuestMemoryArguments& asked) {
    if (job_ != nullptr) return Error::make("There is a dump in process, please wait.");
    TRY(check_dump(view_, asked));
    const bool ran = policy_.state() == RunState::Running;
    policy_.stop();
    Status begun = begin(asked, ran);
    if (!begun) {
        if (ran) TRY(policy_.start());
        return begun;
    }
    if (asked.detach.value_or(false)) return {};
    job_->write();
    Status outcome;
    std::swap(outcome, job_->outcome);
    if (!outcome) job_->outcome = Error::make("%s", outcome.error().message().c_str());
    finish();
    return outcome;
}

// The guest stands still. The target is opened last, so that nothing is lost for a request that is refused.
Status DumpService::begin(const qapi::DumpGuestMemoryArguments& asked, bool ran) {
    auto job = std::make_unique<Job>();
    job->plan = TRY(plan_dump(view_, asked));
    job->memory = memory_for_dump(view_);
    job->format = asked.format.value_or(qapi::DumpGuestMemoryFormat::Elf);
    job->ran = ran;
    job->sink = TRY(dump::DumpSink::create(TRY(open_target(fds_, asked.protocol))));
    Job* self = job.get();
    if (asked.detach.value_or(false))
        job->thread = TRY(Thread::start("dump", [this, self] {
            self->write();
            loop_.post([this, self] {
                if (job_.get() == self) finish();
            });
        }));
    job_ = std::move(job);
    policy_.hold("There is a dump in process, please wait.");
    return {};
}

void DumpService::finish() {
    job_->thread.join();
    last_ = progress();
    last_.status = job_->outcome ? qapi::DumpStatus::Completed : qapi::DumpStatus::Failed;
    const bool ran = job_->ran;
    qapi::DumpCompletedEventData told{.result = last_};
    if (!job_->outcome) told.error = job_->outcome.error().message();
    job_.reset();
    policy_.let_go();
    qapi::emit<qapi::DumpCompletedEvent>(events_, told);
    // Something else may have stopped the guest for good meanwhile.
    if (ran && policy_.state() == RunState::Paused) (void)policy_.start();
}

void DumpService::machine_gone() {
    if (job_ == nullptr) return;
    job_->sink->stop();
    job_->ran = false;
    finish();
}

namespace {

struct Switches {
    bool paging = false, detach = false, zlib = false;
    std::vector<std::string> rest;
};

Result<Switches> read_switches(const HmpLine& line) {
    Switches out;
    for (const std::string& word : line.words) {
        if (word == "-p")
            out.paging = true;
        else if (word == "-d")
            out.detach = true;
        else if (word == "-z")
            out.zlib = true;
        else if (word.starts_with('-') && word.size() == 2)
            return Error::make("dump-guest-memory knows -p (paging), -d (detach) and -z (kdump with zlib)");
        else
            out.rest.push_back(word);
    }
    if (out.rest.size() != 1 && out.rest.size() != 3)
        return Error::make("dump-guest-memory takes [-p] [-d] [-z] FILE [BEGIN LENGTH]");
    return out;
}

Result<std::string> dump_line(const HmpTable& table, const HmpLine& line) {
    const Switches given = TRY(read_switches(line));
    qapi::Dict arguments{
        {"paging", given.paging}, {"detach", given.detach}, {"protocol", "file:" + given.rest[0]}};
    if (given.zlib) arguments.set("format", qapi::Value("kdump-zlib"));
    for (size_t i = 1; i < given.rest.size(); ++i) {
        const std::optional<uint64_t> number = parse_u64(given.rest[i]);
        if (!number || *number > INT64_MAX) return Error::make("'%s' is no number", given.rest[i].c_str());
        arguments.set(i == 1 ? "begin" : "length", qapi::Value(*number));
    }
    TRY(table.qmp("dump-guest-memory", arguments));
    return std::string();
}

Result<std::string> show_dump(const HmpTable& table) {
    const qapi::Value info = TRY(table.qmp("query-dump"));
    std::string out = "Status: " + text_of(info, "status");
    if (text_of(info, "status") != "active") return out;
    const double total = static_cast<double>(number_of(info, "total"));
    return out +
           strf("\nFinished: %.2f %%", 100.0 * static_cast<double>(number_of(info, "completed")) / total);
}

}  // namespace

void register_hmp_dump_commands(HmpTable& table) {
    table.add({"dump-guest-memory", "[-p] [-d] [-z] file [begin length]",
               "writes the guest's memory to a file; -p: by the guest's addresses, -d: meanwhile, -z: kdump "
               "with zlib",
               [&table](const HmpLine& line) { return dump_line(table, line); }});
    table.add_info(
        {"dump", "", "how far a dump of memory is", [&table](const HmpLine&) { return show_dump(table); }});
}

}  // namespace vmm
