// DrainedSection: while one exists, no request of a drive and no job touches a node, so that the graph may
// change. It covers the whole graph: changes are rare and short. Main thread, no lock held; sections nest.
#pragma once

#include "backends/block/graph.h"

namespace vmm::block {

// Who works with nodes besides drives: jobs. Registered with BlockGraph::add_worker().
class GraphWorker {
  public:
    virtual ~GraphWorker() = default;
    // Returns when the worker keeps off all nodes, until let_go(). They nest. All drives are held already.
    virtual void hold() = 0;
    virtual void let_go() = 0;
};

class DrainedSection {
  public:
    explicit DrainedSection(BlockGraph& graph) : graph_(graph) { graph_.hold_all(); }
    ~DrainedSection() { graph_.let_all_go(); }
    DrainedSection(const DrainedSection&) = delete;
    DrainedSection& operator=(const DrainedSection&) = delete;

  private:
    BlockGraph& graph_;
};

}  // namespace vmm::block
