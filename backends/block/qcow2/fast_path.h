// FastPath: requests to clusters that are in place already, on the loop's thread: looked up under a short
// mutex and passed on to the file or backing node without a copy, a thread or (once warm) an allocation. Part
// of Qcow2Node, which does everything that this refuses.
#pragma once

#include <memory>
#include <vector>

#include "backends/block/node.h"
#include "backends/block/qcow2/image.h"

namespace vmm::block {

class FastPath {
  public:
    // All outlive this; `owner` is the image's node.
    FastPath(qcow2::Image& image, Node& owner, Node& file);
    ~FastPath();
    // Looked at each time; null: nothing lies below. Drained.
    void set_backing(const NodeRef* backing) { backing_ = backing; }

    // True: the request will complete. False: it is untouched, and somebody else's.
    bool take(Request& request);

  private:
    static constexpr size_t kMostRuns = 32;
    struct Work;
    struct Part : Request {
        Work* work;
        std::vector<iovec> vectors;
    };
    struct Run {
        qcow2::Mapping mapping;
        uint64_t at;  // in the request
    };
    struct Work {
        FastPath* path;
        Request* request;
        qcow2::InFlight range;
        size_t waiting;
        int result;
        size_t runs_used, parts_used;
        Run runs[kMostRuns];
        std::vector<std::unique_ptr<Part>> parts;
        std::unique_ptr<Work> next;  // while it is spare
    };

    std::unique_ptr<Work> spare();
    void give_back(std::unique_ptr<Work> work);
    bool look_up(Work& work) const;
    void start_run(Work& work, const Run& run);
    void clear(Work& work, uint64_t at, uint64_t bytes);
    void pass_on(Work& work, Node& node, uint64_t offset, uint64_t at, uint64_t bytes);
    Part& next_part(Work& work, uint64_t at, uint64_t bytes);
    static void part_done(Request& part);

    qcow2::Image& image_;
    Node& owner_;
    Node& file_;
    const NodeRef* backing_ = nullptr;
    std::unique_ptr<Work> spares_;
};

}  // namespace vmm::block
