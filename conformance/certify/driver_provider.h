// The driver's source, hosted on the emulator, as a provider: for tests.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_DRIVER_PROVIDER_H_
#define WSKCERT_CONFORMANCE_CERTIFY_DRIVER_PROVIDER_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "conformance/certify/emulated_peers.h"
#include "conformance/certify/provider.h"
#include "implementations/driver_shim/hosted/hosted_driver.h"
#include "implementations/emulator/provider/choices.h"

namespace wskcert {

class DriverProvider : public Provider {
 public:
  const std::string& name() const override { return name_; }
  std::vector<NamedChoice> choices() const override { return EmulatorChoices(); }
  uint64_t capabilities() const override { return EmulatorCapabilities(); }

  absl::StatusOr<PlayResult> Play(const Program& program) override {
    std::vector<uint8_t> fixed(program.choices().empty() ? 0 : emulator::kChoiceEnd, 0xFF);
    for (const ProgramChoice& choice : program.choices()) {
      if (choice.kind < fixed.size()) fixed[choice.kind] = static_cast<uint8_t>(choice.value);
    }
    one_way_.Clear();
    shim::HostedPlayOptions options;
    options.run.schedule = program.schedule().data();
    options.run.schedule_size = program.schedule().size();
    options.run.fixed_choices = fixed.data();
    options.run.fixed_choice_count = fixed.size();
    options.capabilities = EmulatorCapabilities();
    options.perform = [](void* context, const Stimulus* stimulus) {
      return PerformOnEmulator(static_cast<OneWayPeers*>(context), *stimulus);
    };
    options.saw = [](void* context, const emulator::PeerEvent* event) {
      static_cast<OneWayPeers*>(context)->Saw(*event);
    };
    options.context = &one_way_;
    const shim::HostedPlay played =
        shim::PlayOnHostedDriver(program.bytes().data(), program.bytes().size(), options);
    last_report_ = played.report.text;
    clean_ = emulator::Clean(played.report);
    if (played.status < 0 || played.log.empty()) {
      return absl::InternalError(
          absl::StrCat("the play request failed with ", played.status, ": ", last_report_));
    }
    PlayResult result;
    result.log = played.log;
    result.capabilities = played.capabilities;
    result.ending = static_cast<Ending>(played.log.back().code);
    return result;
  }

  const std::string& last_report() const { return last_report_; }
  bool clean() const { return clean_; }

 private:
  const std::string name_ = "emulator";
  OneWayPeers one_way_;
  std::string last_report_;
  bool clean_ = false;
};

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_DRIVER_PROVIDER_H_
