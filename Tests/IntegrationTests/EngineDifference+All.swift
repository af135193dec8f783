extension EngineDifference {
    /// All that is known. Docker's own engines have none.
    ///
    /// Podman is version 4.3. What it "does not show" may well hold in the container.
    static let all: [EngineDifference] = [
        podman(
            """
            the one line of docker run ends in a container that serves events, and an upgrade in the midst of 20 \
            activates loses none
            """, shows: ["docker.io/library/rancher-agent-it:"], "shows the image with its registry"),
        podman(
            "an upgrade to what cannot be started, or ends at once, leaves the old agent running",
            shows: ["upgrade.ending → .code(0)", "moved.ending → .code(0)"], lostCode),
        podman(
            "without privileges the agent serves events as well, from a bridge network, and says what will not work",
            shows: ["lost.ending → .code(0)"], lostCode),
        podman(
            "a server with a certificate of its own is trusted by its fingerprint, and no other is",
            shows: ["wrong.ending → .code(0)"], lostCode),
        podman(
            "the image has nothing in it but the program and what it needs, and knows its modes",
            shows: ["upgrade.ending → .code(0)"], lostCode),
        podman(
            "the container is made as it was asked for", shows: ["Domainname", "StopSignal"],
            "sets no domain name; shows the stop signal as a number"),
        podman(
            "no entry point, an empty one and a command are three things",
            shows: ["none is ", "ExpectationFailedError"],
            "takes an empty entry point for one that was not given"),
        podman(
            "each kind of network is the engine's", shows: ["NetworkDisabled"],
            "does not show that the network is disabled"),
        podman(
            "numbers beyond 53 bits reach the server digit by digit (defect 46)", shows: ["9007199254740992"],
            "keeps no more than 53 bits of a number itself"),
        podman(
            "processes, health checks and ports are as they were asked for",
            shows: [
                "6.2 Image", "6.2 Env", "6.2 Domainname", "6.2 StopSignal", "6.7 PortBindings", "6.3 PublishAllPorts",
                "MemorySwappiness",
            ],
            """
            sets no domain name; shows the image with its registry, its own variables with ours, the stop signal as a \
            number, chosen ports where none were asked for, 0 for what is not set, and no publishing of all ports
            """),
        podman(
            "limits are as they were asked for", shows: ["6.3 KernelMemory", "6.3 Ulimits"],
            "has no limit for the kernel's memory; shows limits under the system's names, with its own"),
        podman(
            "what is shared, forbidden and given to a container is as it was asked for",
            shows: [
                "6.3 UsernsMode", "6.3 SecurityOpt", "6.3 Devices", "6.3 Tmpfs", "6.3 Sysctls", "6.3 LogConfig",
            ],
            "does not show users of the host, labels, sysctls and options of the log; shows devices and tmpfs its own way"
        ),
        podman(
            "a container may have all rights", shows: ["6.3 MemorySwap without limit"],
            "limits swap to the memory where it was to have no limit"),
        podman(
            "volumes are where they were asked for, also the engine's own directory",
            shows: ["6.10 Volumes", "6.10 Binds"], "does not show anonymous volumes; shows binds with all their options"
        ),
        podman(
            "each kind of network is as it was asked for",
            shows: [
                "6.8 host: Domainname", "6.8 none: NetworkDisabled", "6.8 none: Domainname",
                "6.8 anything else: NetworkMode", "6.8 anything else: PublishAllPorts",
            ],
            "sets no domain name; shows the network's name, not that it is disabled, and no publishing of all ports"),
        podman(
            "a container that waits for its network begins with the helper (defect 43)",
            shows: ["6.8 cni: Domainname", "6.9 Binds"], "sets no domain name; shows binds with all their options"),
    ]

    private static let lostCode = "has docker run --rm end with 0 whatever its container has ended with"

    private static func podman(_ test: String, shows: [String], _ reason: String) -> EngineDifference {
        EngineDifference(product: .podman, test: test, shows: shows, reason: reason)
    }
}
