import FakeHost
import Testing

@testable import HostInfo

@Suite("The operating system")
struct SystemTests {
    @Test(
        "has a version of two or three numbers, whatever stands around it (defect 100)",
        arguments: [
            ("Linux version 4.9.0-3-amd64 (debian-kernel@lists.debian.org) (gcc version 6.3.0)", "4.9.0"),
            ("Linux version 6.1-rc3 (x@y)", "6.1"), ("Linux version 5.15.167.4-microsoft-standard", "5.15.167"),
            ("Linux version 12 (5.x) 3.10.0", "3.10.0"), ("v4.19.", "4.19"), ("1.2.3", "1.2.3"),
        ])
    func kernelVersion(text: String, version: String) throws {
        let host = try FakeHost()
        try host.write("proc/version", text)
        #expect(OSInfo(roots: host.roots).kernelVersion == version)
    }

    @Test(
        "whose file is missing, empty or says nothing is asked itself (defect 100)", arguments: ["", "4x9x0", "Linux"])
    func noVersion(text: String) throws {
        let host = try FakeHost()
        let running = OSInfo.firstVersion(in: HostFacts.kernelRelease())
        #expect(running != nil)
        #expect(OSInfo(roots: host.roots).kernelVersion == running)
        try host.write("proc/version", text)
        #expect(OSInfo(roots: host.roots).kernelVersion == running)
    }

    @Test("has the name that it gives itself")
    func name() throws {
        let host = try FakeHost()
        #expect(OSInfo(roots: host.roots).name == "")
        try host.write("etc/os-release", "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n")
        #expect(OSInfo(roots: host.roots).name == "Debian GNU/Linux 12 (bookworm)")
    }

    @Test("is where HOST_PROC, HOST_SYS and HOST_ETC say")
    func roots() {
        #expect(HostRoots(environment: [:]) == HostRoots(proc: "/proc", sys: "/sys", etc: "/etc"))
        let roots = HostRoots(environment: ["HOST_PROC": "/host/proc/", "HOST_SYS": "/host/sys", "HOST_ETC": ""])
        #expect(roots == HostRoots(proc: "/host/proc", sys: "/host/sys", etc: "/etc"))
        #expect(HostRoots(environment: ["HOST_PROC": "/"]).proc == "/")
    }

    @Test("lacks only the labels that are not known, and the cloud's are taken as they are (defect 103)")
    func labels() {
        func labels(_ engine: String, _ kernel: String, _ image: String, kvm: Bool = false) -> [String: String] {
            HostLabels.labels(
                engineVersion: engine, kernelVersion: kernel, agentImage: image, cloud: ["x": "y"], hasKVM: kvm)
        }
        #expect(labels("", "", "") == ["io.rancher.host.agent_image": "", "x": "y"])
        #expect(
            labels("17.06.2-ce", "4.9.0", "rancher/agent:v2", kvm: true) == [
                "io.rancher.host.docker_version": "17.06", "io.rancher.host.linux_kernel_version": "4.9",
                "io.rancher.host.agent_image": "rancher/agent:v2", "io.rancher.host.kvm": "true", "x": "y",
            ])
    }

    @Test(
        "knows the host's full name without what does not belong to it (defect 102)",
        arguments: [
            ("node1.example", "node1.example"), ("node1.example.", "node1.example"), ("node1\n", "node1"),
            ("localhost", "node1"), ("localhost.localdomain", "node1"), ("", "node1"), ("...", "node1"),
        ])
    func fullName(resolved: String, name: String) {
        #expect(HostFacts.fullName(resolved, plain: "node1") == name)
    }
}
