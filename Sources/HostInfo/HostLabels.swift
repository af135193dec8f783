/// The labels that a host reports of itself (PROTOCOL 10.5). What is not known costs only its own label.
package enum HostLabels {
    /// - Parameters:
    ///   - engineVersion: In full, though only its first two numbers are reported; empty if unknown.
    ///   - kernelVersion: The same.
    ///   - agentImage: Reported even if it is empty.
    ///   - cloud: Taken as they are.
    ///   - hasKVM: Whether virtual machines with hardware support can run here; reported only if so.
    package static func labels(
        engineVersion: String, kernelVersion: String, agentImage: String, cloud: [String: String],
        hasKVM: Bool = HostFacts.hasKVM()
    ) -> [String: String] {
        var labels = ["io.rancher.host.agent_image": agentImage]
        let versions = [
            "io.rancher.host.docker_version": engineVersion, "io.rancher.host.linux_kernel_version": kernelVersion,
        ]
        for (label, version) in versions where !version.isEmpty { labels[label] = HostFacts.shortVersion(version) }
        if hasKVM { labels["io.rancher.host.kvm"] = "true" }
        return labels.merging(cloud) { known, _ in known }
    }
}
