import HostInfo
import Testing

@Suite("What the operating system says")
struct HostFactsTests {
    @Test(
        "shortens a version to its first two numbers (defect 101)",
        arguments: [
            ("17.06.2-ce", "17.06"), ("28.2.2", "28.2"), ("6.1.0-18-amd64", "6.1"), ("5", "5"), ("5.x", "5"),
            ("", ""), ("dev build", "dev"), ("20.10.24+dfsg1", "20.10"),
        ])
    func shortVersion(version: String, short: String) { #expect(HostFacts.shortVersion(version) == short) }

    @Test("takes an address as it is and leaves an unknown name out (defect 95)")
    func address() {
        #expect(HostFacts.address(of: "192.0.2.7") == "192.0.2.7")
        #expect(HostFacts.address(of: "2001:db8::1") == "2001:db8::1")
        #expect(HostFacts.address(of: "localhost") != nil)
        #expect(HostFacts.address(of: "") == nil)
        #expect(HostFacts.address(of: "no-such-host.invalid") == nil)
    }

    @Test("knows a name and a kernel")
    func names() {
        #expect(!HostFacts.hostname().isEmpty)
        #expect(HostFacts.kernelRelease().contains("."))
    }
}
