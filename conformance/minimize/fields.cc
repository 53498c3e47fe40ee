#include "conformance/minimize/fields.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "conformance/minimize/slots.h"
#include "google/protobuf/descriptor.h"

namespace wskcert {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

// The way from a place's message to a field: the message of a step's operation lies one deeper.
using Path = std::vector<const FieldDescriptor*>;
using Edit = std::function<void(Message* holder, const FieldDescriptor* field)>;

Message* At(const Place& place, Sequence* sequence) {
  switch (place.kind) {
    case Place::kThreadStep:
      return sequence->mutable_threads(place.outer)->mutable_steps(place.inner);
    case Place::kScriptStep:
      return sequence->mutable_scripts(place.outer)->mutable_steps(place.inner);
    case Place::kScript:
      return sequence->mutable_scripts(place.outer);
    case Place::kSetup:
      return sequence->mutable_setup();
    case Place::kSchedule:
      return sequence->mutable_schedule();
  }
  return nullptr;
}

const Message* Find(const Place& place, const Sequence& sequence) {
  return At(place, const_cast<Sequence*>(&sequence));
}

Message* Holder(Message* message, const Path& path) {
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    message = message->GetReflection()->MutableMessage(message, path[i]);
  }
  return message;
}

// How much, not which: a smaller one is simpler.
bool IsQuantity(const FieldDescriptor* field) {
  const std::string& name = field->name();
  return name == "length" || name == "accept_bytes" || name == "count" || name == "wait_ms" ||
         name == "nth" || name == "fail_allocation" ||
         (name == "value" && field->containing_type()->name() == "Ping");
}

bool IsBits(const FieldDescriptor* field) {
  return field->name() == "raw_mask" || field->name() == "raw_flags";
}

// What people would write, the simplest first, and half of it.
std::vector<uint32_t> Simpler(uint32_t value) {
  std::vector<uint32_t> values;
  for (const uint32_t round : {0u, 1u, 2u, 10u, 100u, 1000u, 10000u}) {
    if (round < value) values.push_back(round);
  }
  if (value > 2) values.push_back(value / 2);
  return values;
}

// Fields that are handled elsewhere: those that hold steps, and what the schedule consists of.
bool IsElsewhere(const FieldDescriptor* field) {
  return field->name() == "steps" || field->name() == "choices" || field->name() == "fixed";
}

class Simplifier {
 public:
  Simplifier(const Place& place, const std::function<const Sequence&()>& current,
             const std::function<bool(const std::function<void(Sequence*)>&)>& attempt)
      : place_(place), current_(current), attempt_(attempt) {}

  void Run() {
    // The paths are collected first: an accepted change may remove fields.
    for (const Path& path : Paths(*Find(place_, current_()))) Field(path);
  }

 private:
  static void Collect(const Message& message, const Path& above, std::vector<Path>* out) {
    std::vector<const FieldDescriptor*> set;
    message.GetReflection()->ListFields(message, &set);
    for (const FieldDescriptor* field : set) {
      if (IsElsewhere(field)) continue;
      Path path = above;
      path.push_back(field);
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field->is_repeated()) {
        Collect(message.GetReflection()->GetMessage(message, field), path, out);
      } else {
        out->push_back(path);
      }
    }
  }
  static std::vector<Path> Paths(const Message& message) {
    std::vector<Path> paths;
    Collect(message, {}, &paths);
    return paths;
  }

  bool Attempt(const Path& path, const Edit& edit) {
    return attempt_([&](Sequence* sequence) { edit(Holder(At(place_, sequence), path), path.back()); });
  }

  const Message& CurrentHolder(const Path& path) const {
    return *Holder(const_cast<Message*>(Find(place_, current_())), path);
  }

  // A slot is changed wherever it is named, or nowhere: that is MergeSlots' to do.
  bool NamesSlot(const Path& path) const {
    if (path.back()->has_presence()) return false;
    if (place_.kind == Place::kSetup || place_.kind == Place::kSchedule) return false;
    const Message* owner = Find(place_, current_());
    if (place_.kind == Place::kScript) {
      return SlotOf(*static_cast<const Script*>(owner), path.back()) != SlotKind::kNone;
    }
    return SlotOf(*static_cast<const Step*>(owner), path.back()) != SlotKind::kNone;
  }

  void Field(const Path& path) {
    if (NamesSlot(path)) return;
    const auto clear = [](Message* holder, const FieldDescriptor* field) {
      holder->GetReflection()->ClearField(holder, field);
    };
    // A request for no event at all is nothing that people would write.
    const bool last_event = path.back()->name() == "mask" && path.size() > 1;
    if (!last_event && Attempt(path, clear)) return;
    const FieldDescriptor* field = path.back();
    if (field->is_repeated()) return Elements(path);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_UINT32) return;
    if (IsBits(field)) return Bits(path);
    if (IsQuantity(field)) return Quantity(path);
  }

  void Elements(const Path& path) {
    const auto size = [&] {
      const Message& holder = CurrentHolder(path);
      return holder.GetReflection()->FieldSize(holder, path.back());
    };
    for (int i = size() - 1; i >= 0 && size() > 1; --i) {
      Attempt(path, [i](Message* holder, const FieldDescriptor* field) {
        const Reflection* reflection = holder->GetReflection();
        for (int at = i; at + 1 < reflection->FieldSize(*holder, field); ++at) {
          reflection->SwapElements(holder, field, at, at + 1);
        }
        reflection->RemoveLast(holder, field);
      });
    }
  }

  uint32_t Value(const Path& path) const {
    const Message& holder = CurrentHolder(path);
    return holder.GetReflection()->GetUInt32(holder, path.back());
  }
  bool Set(const Path& path, uint32_t value) {
    return Attempt(path, [value](Message* holder, const FieldDescriptor* field) {
      holder->GetReflection()->SetUInt32(holder, field, value);
    });
  }

  void Bits(const Path& path) {
    for (int bit = 31; bit >= 0; --bit) {
      const uint32_t value = Value(path);
      if ((value & (1u << bit)) != 0 && value != (1u << bit)) Set(path, value & ~(1u << bit));
    }
  }

  void Quantity(const Path& path) {
    for (bool taken = true; taken;) {
      taken = false;
      for (const uint32_t value : Simpler(Value(path))) {
        taken = Set(path, value);
        if (taken) break;
      }
    }
  }

  const Place place_;
  const std::function<const Sequence&()>& current_;
  const std::function<bool(const std::function<void(Sequence*)>&)>& attempt_;
};

}  // namespace

void SimplifyAt(const Place& place, const std::function<const Sequence&()>& current,
                const std::function<bool(const std::function<void(Sequence*)>&)>& attempt) {
  Simplifier(place, current, attempt).Run();
}

}  // namespace wskcert
