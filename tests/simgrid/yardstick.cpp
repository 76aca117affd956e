// Live migrations in SimGrid, to compare the simulator with.
//
// Reads from standard input the number of hosts, then moves, one a line, all asked for at time zero:
//   memory_bytes dirty_bytes_per_second working_set_bytes source target
// Writes one line per move: total_seconds downtime_seconds rounds
//
// The platform is a star of hosts with 125 MB/s links, up and down apart, no latency, and the CM02 network model
// without its corrections. A VM dirties migration_speed * intensity / host_speed bytes per flop, so at full speed
// migration_speed * intensity bytes per second. The migration speed is far above the links': it never limits.

#include <cstdio>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <simgrid/plugins/live_migration.h>
#include <simgrid/s4u.hpp>

namespace sg4 = simgrid::s4u;

namespace {
constexpr double kHostSpeed      = 1e9;
constexpr double kMigrationSpeed = 1e12;
constexpr double kLinkRate       = 125e6;

struct Move {
  double memory, dirty, working_set;
  int source, target;
  sg4::VirtualMachine* vm = nullptr;
  double total = -1, stopped = -1, downtime = -1;
  int rounds = 0;
};
} // namespace

int main(int argc, char** argv)
{
  sg4::Engine engine(&argc, argv);
  sg_vm_live_migration_plugin_init();

  int host_count = 0;
  std::cin >> host_count;
  std::vector<Move> moves;
  for (Move m; std::cin >> m.memory >> m.dirty >> m.working_set >> m.source >> m.target;)
    moves.push_back(m);

  auto* star = sg4::create_star_zone("star");
  std::vector<sg4::Host*> hosts;
  for (int i = 0; i < host_count; i++) {
    const std::string n = std::to_string(i);
    auto* host          = star->create_host("h" + n, kHostSpeed)->set_core_count(100000);
    auto* up            = star->create_link("up" + n, kLinkRate)->set_latency(0)->seal();
    auto* down          = star->create_link("down" + n, kLinkRate)->set_latency(0)->seal();
    star->add_route(host->get_netpoint(), nullptr, nullptr, nullptr, {sg4::LinkInRoute(up)}, false);
    star->add_route(nullptr, host->get_netpoint(), nullptr, nullptr, {sg4::LinkInRoute(down)}, false);
    host->seal();
    hosts.push_back(host);
  }
  star->seal();

  // Memory is sent through one mailbox per VM whose name holds the VM's.
  std::map<std::string, Move*> by_vm;
  sg4::Comm::on_send_cb([&](const sg4::Comm& comm) {
    if (comm.get_mailbox() == nullptr)
      return;
    const std::string& name = comm.get_mailbox()->get_name();
    const auto begin        = name.find("<vm");
    const auto end          = name.find('>', begin);
    if (begin == std::string::npos || name.find("ctl") != std::string::npos)
      return;
    if (auto found = by_vm.find(name.substr(begin, end - begin + 1)); found != by_vm.end())
      found->second->rounds++;
  });
  sg4::VirtualMachine::on_suspend_cb([&](const sg4::VirtualMachine& vm) {
    by_vm.at(vm.get_name())->stopped = sg4::Engine::get_clock();
  });
  sg4::VirtualMachine::on_resume_cb([&](const sg4::VirtualMachine& vm) {
    Move* m     = by_vm.at(vm.get_name());
    m->downtime = sg4::Engine::get_clock() - m->stopped;
  });

  for (size_t i = 0; i < moves.size(); i++) {
    Move& m                = moves[i];
    const std::string name = "<vm" + std::to_string(i) + ">";
    m.vm                   = hosts.at(m.source)->create_vm(name, 1, static_cast<size_t>(m.memory));
    by_vm[name]            = &m;
    sg_vm_set_migration_speed(m.vm, kMigrationSpeed);
    sg_vm_set_dirty_page_intensity(m.vm, m.dirty / kMigrationSpeed);
    sg_vm_set_working_set_memory(m.vm, static_cast<sg_size_t>(m.working_set));
    m.vm->start();
    sg4::Actor::create("guest" + name, m.vm, [] { sg4::this_actor::execute(1e18); })->daemonize();
    sg4::Actor::create("move" + name, hosts.at(m.source), [&m, &hosts] {
      const double begin = sg4::Engine::get_clock();
      sg_vm_migrate(m.vm, hosts.at(m.target));
      m.total = sg4::Engine::get_clock() - begin;
    });
  }
  // What has not ended by then never will; it would go on sending rounds.
  engine.run_until(20000);
  for (const Move& m : moves)
    std::printf("%.9f %.9f %d\n", m.total, m.downtime, m.rounds);
  return 0;
}
