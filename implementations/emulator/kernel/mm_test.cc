#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <wdm.h>

#include <string>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/test_support.h"

namespace wskcert::emulator {
namespace {

using ::testing::HasSubstr;

TEST(Mdl, DescribesABuffer) {
  const RunReport report = Play([] {
    alignas(4096) static char buffer[8192];
    PMDL mdl = IoAllocateMdl(buffer + 100, 5000, FALSE, FALSE, nullptr);
    EXPECT_EQ(MmGetMdlByteCount(mdl), 5000u);
    EXPECT_EQ(MmGetMdlByteOffset(mdl), 100u);
    EXPECT_EQ(mdl->StartVa, buffer);
    EXPECT_EQ(MmGetMdlVirtualAddress(mdl), buffer + 100);
    MmBuildMdlForNonPagedPool(mdl);
    EXPECT_EQ(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), buffer + 100);
    PMDL part = IoAllocateMdl(buffer + 200, 50, FALSE, FALSE, nullptr);
    IoBuildPartialMdl(mdl, part, buffer + 200, 50);
    EXPECT_EQ(MmGetSystemAddressForMdlSafe(part, NormalPagePriority), buffer + 200);
    EXPECT_EQ(MmGetMdlByteCount(part), 50u);
    IoFreeMdl(part);
    IoFreeMdl(mdl);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
  EXPECT_EQ(report.leaks.mdls, 0u);
}

TEST(Mdl, ChainsToItsIrp) {
  const RunReport report = Play([] {
    static char buffer[30];
    PIRP irp = IoAllocateIrp(1, FALSE);
    PMDL a = IoAllocateMdl(buffer, 10, FALSE, FALSE, irp);
    PMDL b = IoAllocateMdl(buffer + 10, 10, TRUE, FALSE, irp);
    PMDL c = IoAllocateMdl(buffer + 20, 10, TRUE, FALSE, irp);
    EXPECT_EQ(irp->MdlAddress, a);
    EXPECT_EQ(a->Next, b);
    EXPECT_EQ(b->Next, c);
    EXPECT_EQ(c->Next, nullptr);
    for (PMDL mdl = irp->MdlAddress; mdl != nullptr;) {
      PMDL next = mdl->Next;
      IoFreeMdl(mdl);
      mdl = next;
    }
    IoFreeIrp(irp);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
}

TEST(Mdl, LocksAndMaps) {
  const RunReport report = Play([] {
    static char buffer[30];
    PMDL mdl = IoAllocateMdl(buffer, sizeof(buffer), FALSE, FALSE, nullptr);
    MmProbeAndLockPages(mdl, KernelMode, IoWriteAccess);
    EXPECT_EQ(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), buffer);
    MmUnlockPages(mdl);
    EXPECT_EQ(mdl->MappedSystemVa, nullptr);
    IoFreeMdl(mdl);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
}

TEST(Mdl, MisuseIsABugCheck) {
  static char buffer[30];
  RunReport report = Play([] {
    MmGetSystemAddressForMdlSafe(IoAllocateMdl(buffer, 30, FALSE, FALSE, nullptr), NormalPagePriority);
  });
  EXPECT_THAT(std::string(report.bug_check.message), HasSubstr("neither built for nonpaged pool nor locked"));
  report = Play([] {
    PMDL mdl = IoAllocateMdl(buffer, 30, FALSE, FALSE, nullptr);
    MmProbeAndLockPages(mdl, KernelMode, IoReadAccess);
    IoFreeMdl(mdl);
  });
  EXPECT_THAT(std::string(report.bug_check.message), HasSubstr("pages are locked"));
  report = Play([] {
    PMDL mdl = IoAllocateMdl(buffer, 30, FALSE, FALSE, nullptr);
    PMDL part = IoAllocateMdl(buffer, 30, FALSE, FALSE, nullptr);
    MmBuildMdlForNonPagedPool(mdl);
    IoBuildPartialMdl(mdl, part, buffer + 20, 11);
  });
  EXPECT_THAT(std::string(report.bug_check.message), HasSubstr("11 bytes at offset 20 of an MDL of 30"));
}

}  // namespace
}  // namespace wskcert::emulator
