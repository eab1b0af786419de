#include "governor/budget/service_bell.h"

#include <utility>

#include "governor/budget/entrance.h"

namespace governor {

struct ServiceBell::Server {
  Server(const ServiceBell* bell, std::function<void()> wake)
      : wake(std::move(wake)), entrance(bell) {}

  const std::function<void()> wake;
  Entrance entrance;
};

class ServiceBell::ServerRegistration final : public Budget::Registration {
 public:
  ServerRegistration(ServiceBell* bell, std::shared_ptr<Server> server)
      : bell_(bell), server_(std::move(server)) {}

  ~ServerRegistration() override { End(nullptr); }

  bool End(const ShouldStop& should_stop) override {
    if (!bell_->process_.is_current()) return true;
    {
      MutexLock lock(bell_->mutex_);
      if (bell_->server_ == server_) bell_->server_.reset();
    }
    return server_->entrance.Close(should_stop);
  }

 private:
  ServiceBell* bell_;
  std::shared_ptr<Server> server_;
};

std::unique_ptr<Budget::Registration> ServiceBell::Register(
    std::function<void()> wake) {
  auto server = std::make_shared<Server>(this, std::move(wake));
  auto registration = std::make_unique<ServerRegistration>(this, server);
  MutexLock lock(mutex_);
  server_.swap(server);
  return registration;
}

bool ServiceBell::is_served() const {
  MutexLock lock(mutex_);
  return server_ != nullptr;
}

void ServiceBell::Ring() {
  std::shared_ptr<Server> server;
  {
    MutexLock lock(mutex_);
    server = server_;
  }
  if (server == nullptr) return;
  const Entrance::Visit visit(server->entrance);
  if (visit.is_inside()) server->wake();
}

}  // namespace governor
