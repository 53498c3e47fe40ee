#include "conformance/export/textproto.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "conformance/minimize/slots.h"
#include "google/protobuf/descriptor.h"

namespace wskcert {
namespace {

using ::google::protobuf::EnumDescriptor;
using ::google::protobuf::EnumValueDescriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

std::string EnumText(const EnumDescriptor* type, int number) {
  const EnumValueDescriptor* value = type->FindValueByNumber(number);
  return value != nullptr ? value->name() : absl::StrCat(number);
}

std::string Quoted(const std::string& text) { return absl::StrCat("\"", absl::CEscape(text), "\""); }

std::string SingleValue(const Message& message, const FieldDescriptor* field) {
  const Reflection* reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->GetBool(message, field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(reflection->GetUInt32(message, field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumText(field->enum_type(), reflection->GetEnumValue(message, field));
    case FieldDescriptor::CPPTYPE_STRING:
      return Quoted(reflection->GetString(message, field));
    default:
      return "";
  }
}

std::string RepeatedEnum(const Message& message, const FieldDescriptor* field) {
  const Reflection* reflection = message.GetReflection();
  std::vector<std::string> values;
  values.reserve(static_cast<size_t>(reflection->FieldSize(message, field)));
  for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
    values.push_back(EnumText(field->enum_type(), reflection->GetRepeatedEnumValue(message, field, i)));
  }
  return values.size() == 1 ? values[0] : absl::StrCat("[", absl::StrJoin(values, ", "), "]");
}

// Fields whose zero says something to a reader.
bool ShowsZero(const FieldDescriptor* field) {
  const std::string& name = field->name();
  return name == "action" || name == "policy" || name == "hold" || name == "ready" ||
         (name == "value" && field->containing_type()->name() != "FixedChoice");
}

bool ShowsZero(const Step&, const FieldDescriptor* field) { return ShowsZero(field); }
// A completion routine belongs to no event.
bool ShowsZero(const Script& script, const FieldDescriptor* field) {
  return field->number() == Script::kEventFieldNumber && !script.has_on_completion_of_irp();
}

// The fields of `message` that are set, or whose zero is worth showing; steps are left to the caller.
template <typename Owner>
std::string FieldsText(const Owner& owner, const Message& message) {
  const Reflection* reflection = message.GetReflection();
  std::vector<std::string> parts;
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (field->is_repeated()) {
      if (reflection->FieldSize(message, field) != 0) {
        parts.push_back(absl::StrCat(field->name(), ": ", RepeatedEnum(message, field)));
      }
      continue;
    }
    const SlotKind slot = SlotOf(owner, field);
    const bool named = !field->has_presence() &&
                       ((slot != SlotKind::kNone && slot != SlotKind::kClient) || ShowsZero(owner, field));
    if (!named && !reflection->HasField(message, field)) continue;
    parts.push_back(absl::StrCat(field->name(), ": ", SingleValue(message, field)));
  }
  return absl::StrJoin(parts, " ");
}

std::string Braced(const std::string& fields) {
  return fields.empty() ? "{}" : absl::StrCat("{ ", fields, " }");
}

class CasePrinter {
 public:
  CasePrinter(const Case& body, const CaseComments& comments) : body_(body), comments_(comments) {}

  std::string Print() {
    Comment("", comments_.head);
    absl::StrAppend(&text_, "# proto-file: proto/sequence.proto\n# proto-message: wskcert.Case\n");
    if (!body_.summary().empty()) Line("", absl::StrCat("summary: ", Quoted(body_.summary())));
    for (const std::string& rule : body_.rules()) Line("", absl::StrCat("rules: ", Quoted(rule)));
    if (!body_.source().empty()) Line("", absl::StrCat("source: ", Quoted(body_.source())));
    Line("", "sequence {");
    PrintSequence(body_.sequence());
    Line("", "}");
    return text_;
  }

 private:
  void Line(absl::string_view indent, absl::string_view text) { absl::StrAppend(&text_, indent, text, "\n"); }
  void Comment(absl::string_view indent, const std::string& comment) {
    if (comment.empty()) return;
    for (absl::string_view line : absl::StrSplit(absl::StripSuffix(comment, "\n"), '\n')) {
      absl::StrAppend(&text_, indent, line.empty() ? "#" : "# ", line, "\n");
    }
  }

  void Steps(const google::protobuf::RepeatedPtrField<Step>& steps) {
    for (const Step& step : steps) {
      if (step.op_case() == Step::OP_NOT_SET) continue;
      const auto comment = comments_.steps.find(number_++);
      if (comment != comments_.steps.end()) Comment("    ", comment->second);
      Line("    ", absl::StrCat("steps { ", StepAsText(step), " }"));
    }
  }

  void PrintScript(const Script& script) {
    std::string head = FieldsText(script, script);
    if (script.steps().empty()) return Line("  ", absl::StrCat("scripts ", Braced(head)));
    Line("  ", "scripts {");
    Line("    ", head);
    Steps(script.steps());
    Line("  ", "}");
  }

  void PrintSequence(const Sequence& sequence) {
    Line("  ", absl::StrCat("format_version: ", sequence.format_version()));
    if (sequence.has_setup()) {
      Line("  ", absl::StrCat("setup ", Braced(FieldsText(Step(), sequence.setup()))));
    }
    for (const Thread& thread : sequence.threads()) {
      Line("  ", "threads {");
      Steps(thread.steps());
      Line("  ", "}");
    }
    for (const Script& script : sequence.scripts()) PrintScript(script);
    if (sequence.has_schedule()) PrintSchedule(sequence.schedule());
  }

  void PrintSchedule(const Schedule& schedule) {
    std::vector<std::string> parts;
    const std::string own = FieldsText(Step(), schedule);
    if (!own.empty()) parts.push_back(own);
    for (const FixedChoice& fixed : schedule.fixed()) {
      parts.push_back(absl::StrCat("fixed { name: ", Quoted(fixed.name()), " value: ", fixed.value(), " }"));
    }
    Line("  ", absl::StrCat("schedule ", Braced(absl::StrJoin(parts, " "))));
  }

  const Case& body_;
  const CaseComments& comments_;
  std::string text_;
  int number_ = 0;
};

}  // namespace

std::string StepAsText(const Step& step) {
  std::string head = FieldsText(step, step);
  if (step.op_case() == Step::OP_NOT_SET) return head;
  const FieldDescriptor* op = step.GetDescriptor()->FindFieldByNumber(step.op_case());
  const Message& message = step.GetReflection()->GetMessage(step, op);
  return absl::StrCat(head, head.empty() ? "" : " ", op->name(), " ", Braced(FieldsText(step, message)));
}

std::string CaseAsText(const Case& body, const CaseComments& comments) {
  return CasePrinter(body, comments).Print();
}

}  // namespace wskcert
