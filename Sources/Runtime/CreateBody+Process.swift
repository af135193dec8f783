import Model

extension CreateBody {
    /// The helper that waits for the network and then becomes the real process (PROTOCOL 6.9).
    static let networkWaiter = "/.r/r"
    /// The volume with the helper, as it is bound into the container.
    static let networkWaiterBind = Bind(source: "rancher-cni", destination: "/.r", mode: "ro")

    /// What the container runs.
    struct Process {
        /// `nil` takes the image's.
        var command: [String]?
        /// `nil` takes the image's.
        var entryPoint: [String]?

        init(_ container: ContainerSpecification, _ context: CreateContext) {
            command = container.command
            entryPoint = container.entryPoint
            guard container.waitsForNetwork else { return }
            // An entry point of our own makes the engine forget the image's, so its rule of merging is applied here.
            if (entryPoint ?? []).isEmpty {
                if (command ?? []).isEmpty { command = context.imageCommand ?? command }
                if entryPoint == nil { entryPoint = context.imageEntryPoint }
            }
            let real = entryPoint ?? []
            // Without any process the create call fails, and the engine says best why.
            guard !real.isEmpty || !(command ?? []).isEmpty, real.first != networkWaiter else { return }
            entryPoint = [networkWaiter] + real
        }
    }
}

extension ContainerSpecification {
    /// The process begins only when a CNI plug-in has put the network in place (PROTOCOL 6.9).
    var waitsForNetwork: Bool { labels["io.rancher.cni.wait"] == "true" }
}
