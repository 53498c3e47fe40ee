// What `wskcert --help` and `wskcert COMMAND --help` print.
#include <string>

#include "conformance/cli/options.h"

namespace wskcert::cli {
namespace {

constexpr char kOverview[] =
    R"(wskcert: certifies the event-callback rules of Winsock Kernel (WSK) providers

usage: wskcert COMMAND [options]

  certify            plays the curated suite against a provider and draws up a certificate
  run CASE|FILE      plays one case, or a sequence from a file, and shows what was seen and which rules spoke
  minimize CASE|FILE the smallest sequence that still shows the same violation
  merge DIR...       puts the shards of a certification together
  diff CERT CERT     what differs between two certificates
  check TRACE|PACK   judges a recorded trace, or certifies what a recorder brought
  testee             plays what it is asked to on standard input: the other end of --provider=exec:COMMAND
  pack FILE          the suite for a recorder on a machine without wskcert
  export CASE|FILE   the same as a case for the suite, or as a WSK client in C
  verify CERTIFICATE TRACES   judges the traces again and compares every verdict
  waivers CERTIFICATE FILE    what a certificate comes to with waivers; --write: drafts them
  rules [TOPIC]      lists the rules, by topic
  explain RULE       a rule: what it says, where it stands, which cases and saboteurs it has
  --list             lists the cases of the suite
  COMMAND --help     more about a command

Exit status:
  0  certified; or: everything that was seen is allowed
  1  a rule was violated, or a required rule was not shown to hold
  2  the provider crashed, hung, stopped the machine or leaked
  3  bad usage or bad input
  4  a defect of wskcert itself
  5  with waivers: something passed that was expected to fail
  6  with waivers: one is about nothing that exists or fails
  7  with waivers: one has expired
)";

constexpr char kCertify[] =
    R"(usage: wskcert certify [--provider=NAME] [--profile=PROFILE] [--out=DIR] [--filter=WORD] [--timeout=SECONDS]
                       [--scheduler=threads [--seed=NUMBER] [--latitude]] [--repeat=TIMES] [--in-process]
                       [--jobs=NUMBER] [--shard=I/N] [--resume] [--schedule-seed=NUMBER]

Plays every case of the suite, each in a process of its own, judges what was seen, and prints a table of rules by topic.

  --provider=NAME    emulator (the default) or saboteur:NAME; --list-providers names them
                     exec:COMMAND: a program that speaks the testee protocol (docs/testee_protocol.md)
                     lib:FILE: a shared library that exports the five Wsk functions (docs/certify_your_provider.md)
                     pack:FILE: what a recorder brought
  --profile=PROFILE  documented (the default): everything that the documentation leaves open is accepted
                     windows: narrowed by what Windows was observed to do
  --out=DIR          writes certificate.pb, certificate.json, certificate.junit.xml and the traces there
  --level=LEVEL      full (the default): every required rule has to pass
                     reachable: every required rule that the host can bring the provider to and that it
                     does not decline where a page lets it
  --waivers=FILE     failures that are expected (proto/waivers.proto); what else fails, or does not fail, makes the gate red
  --today=DATE       the day for which waivers are looked at, YYYY-MM-DD; without it that of the certificate
  --filter=WORD      only cases with WORD in their name, or about the rule or topic WORD; certifies nothing
  --timeout=SECONDS  after which a case counts as hung (10)
  --scheduler=WHICH  fibers (the default): the emulator is deterministic
                     threads: its threads really run at the same time, with random delays
  --seed=NUMBER      of the delays of the first play; the next has the next number (0)
  --latitude         with threads: where the documentation leaves open what a provider does, the emulator chooses at random
  --repeat=TIMES     plays each case so often, until a trace is not accepted (1)
  --jobs=NUMBER      plays in so many processes at a time; the certificate is the same (1)
  --shard=I/N        plays the I-th of N parts; certifies nothing, `wskcert merge` puts the parts together
  --resume           goes on with a run that was ended, from what --out=DIR holds; what was played stands
  --schedule-seed=NUMBER  every schedule's bytes are replaced by random ones of this seed; the certificate says so
  --in-process       plays in this process, which is faster; if the provider crashes or hangs, so does wskcert
  --list             lists the cases instead
  --list-providers   lists the providers instead
  --quiet            no progress

The exit status is 0 only if every required rule passed: exercised, never violated, and confirmed by a mutation of the same
trace that was refused in the rule's name.
)";

constexpr char kRun[] =
    R"(usage: wskcert run CASE|FILE [--provider=NAME] [--profile=PROFILE] [--trace=FILE] [--verbose]
                   [--scheduler=threads [--seed=NUMBER] [--latitude]] [--schedule-seed=NUMBER]

Plays one case of the suite (its name as --list prints it), or a file that holds a Case or a Sequence, as text or binary, and
prints every observation with the rules that it exercised.

  --trace=FILE       keeps the trace, for `wskcert check`
  --verbose          shows set-up and tear-down too
  --schedule-seed=NUMBER  the schedule's bytes are those that certify has with this seed
  --scheduler, --seed, --latitude: as for certify; with threads the same seed need not give the same trace
)";

constexpr char kMinimize[] =
    R"(usage: wskcert minimize CASE|FILE [--provider=NAME] [--profile=PROFILE] [--rule=RULE] [--out=FILE] [--limit=PLAYS]
                        [--timeout=SECONDS] [--in-process] [--quiet]

Makes a sequence smaller (steps, scripts, threads, schedule, lengths, fields, slots) as long as it still shows what it shows
now: the same rule is blamed first, or the provider dies in the same way. The client must not come to break obligations that
it kept, and a sequence that the emulator plays cleanly beside another provider stays so. The result is a case, as text;
minimising it again changes nothing.

  --rule=RULE        instead of the first rule that is blamed: RULE stays among those that are
  --out=FILE         writes the case there instead of to standard output
  --limit=PLAYS      stops after so many (50000)
  --timeout=SECONDS  after which a play counts as hung (10); a smaller one makes hangs minimise faster
  --in-process       faster; for what neither crashes nor hangs
)";

constexpr char kExport[] =
    R"(usage: wskcert export CASE|FILE --as=textproto|c [--provider=NAME] [--profile=PROFILE] [--out=FILE] [--timeout=SECONDS]

Plays a case of the suite, or a sequence from a file, and writes it with what was seen as comments:

  --as=textproto     a case as conformance/suite has them: summary, rules, source, one step a line
  --as=c             a WSK client, a driver in C that makes the same calls; ci/host_exported compiles it, hosts it on the emulator and
                     compares what it sees with what was seen. What of the sequence has no C form is said on standard error and
                     on top of the file.
  --out=FILE         writes it there instead of to standard output
)";

constexpr char kMerge[] =
    R"(usage: wskcert merge DIR... [--out=DIR] [--quiet]

Puts together what `certify --shard` has left in the directories that its --out named, judges it, and draws up the certificate of
the whole: the same as that of one run.
)";

constexpr char kDiff[] =
    R"(usage: wskcert diff CERTIFICATE CERTIFICATE [--format=text|json]

What differs between two certificates (certificate.pb, certificate.json, or the directory of --out), but for the date: who was
certified, rules whose verdict changed, cases with another outcome or trace, counts. Exit status 0: nothing, 1: something.
)";

constexpr char kCheck[] =
    R"(usage: wskcert check TRACE [--profile=PROFILE] [--verbose]
       wskcert check PACK [--profile=PROFILE] [--filter=WORD] [--out=DIR] [--quiet]

Judges a trace that was recorded anywhere: a Trace of proto/trace.proto, as text or binary, or a stored log. Of a pack that a
recorder made of `wskcert pack`'s it draws up the certificate, as certify does.
)";

constexpr char kTestee[] =
    R"(usage: wskcert testee [--provider=NAME] [--timeout=SECONDS] [--in-process]

Speaks the testee protocol on standard input and output, over the emulator or another provider: the reference for testees.
With a pack as its input it records: wskcert testee < SUITE.pack > TRACES.pack
)";

constexpr char kPack[] =
    R"(usage: wskcert pack FILE [--filter=WORD] [--timeout=SECONDS]
       wskcert pack FILE --more-time-for=TRACES.pack [--profile=NAME] [--timeout=SECONDS]

Writes the suite (the cases with WORD in their name) as a recorder on a machine without wskcert needs it; or those cases of a record in
which something is missing, to be recorded once more with more time. That record is appended to the first: cat TRACES.pack MORE.pack.
)";

constexpr char kVerify[] =
    R"(usage: wskcert verify CERTIFICATE TRACES

Judges the traces of a certificate again (certificate.pb and DIR of certify --out=DIR) and compares suite, catalogue, model, every case
and every verdict. The exit status is 1 if anything differs.
)";

constexpr char kWaivers[] =
    R"(usage: wskcert waivers CERTIFICATE FILE [--today=DATE]
       wskcert waivers --write CERTIFICATE FILE [--expires=DATE] [--reason=TEXT]

What a certificate comes to with the waivers of FILE, with the same exit status as certify --waivers=FILE.

  --write            writes a waiver for everything that fails instead: to be read, and given reasons and links
  --expires=DATE     YYYY-MM-DD, their last day (90 days after the certificate's date)
  --reason=TEXT      for all of them; without it, what was seen
  --today=DATE       the day for which waivers are looked at; without it that of the certificate
)";

constexpr char kRules[] =
    R"(usage: wskcert rules [TOPIC] [--coverage [--profile=PROFILE]]

Lists the rules with their strength, by topic.

  --coverage         plays the suite on the emulator and shows for every rule that binds the provider: cases that are about
                     it, saboteurs that break it ('-': no interposer can), traces that exercised it, and traces of which a
                     mutation was refused in its name. The exit status is 1 if a required, modelled rule lacks any of them.
)";

constexpr char kExplain[] = R"(usage: wskcert explain RULE

What the rule says, on which page, how a breach is judged, and which cases and saboteurs it has.
)";

}  // namespace

std::string HelpText(const std::string& command) {
  if (command == "certify") return kCertify;
  if (command == "run") return kRun;
  if (command == "minimize") return kMinimize;
  if (command == "diff") return kDiff;
  if (command == "merge") return kMerge;
  if (command == "export") return kExport;
  if (command == "check") return kCheck;
  if (command == "verify") return kVerify;
  if (command == "waivers") return kWaivers;
  if (command == "testee") return kTestee;
  if (command == "pack") return kPack;
  if (command == "rules") return kRules;
  if (command == "explain") return kExplain;
  return kOverview;
}

}  // namespace wskcert::cli
