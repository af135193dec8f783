package import LosslessJSON
package import Model

/// The body of the engine's create call (PROTOCOL 6). What was not asked for is left out, so that the engine's own
/// defaults hold: a zero is not always one.
package enum CreateBody {
    /// - Throws: ``SpecificationError`` for what no container can be made of.
    package static func of(_ instance: InstanceSpecification) throws(SpecificationError) -> JSON {
        let container = instance.container
        guard !container.image.isEmpty else {
            throw SpecificationError("Can not start container with no image")
        }
        let network = try Network(container.network)
        var body = JSONObject()
        body["Image"] = .string(container.image)
        if let command = container.command { body["Cmd"] = JSON(command) }
        if let entryPoint = container.entryPoint { body["Entrypoint"] = JSON(entryPoint) }
        if !container.environment.isEmpty {
            body["Env"] = JSON(container.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
        }
        body["Labels"] = JSON(labels(of: instance))
        body.put("WorkingDir", container.workingDirectory)
        body.put("User", container.user)
        body.put("Tty", container.tty)
        body.put("OpenStdin", container.openStandardInput)
        if network.hasHostname {
            body.put("Hostname", container.hostname)
            body.put("Domainname", container.domainName)
        }
        body.put("StopSignal", container.stopSignal)
        body.put("NetworkDisabled", network.isDisabled)

        var host = JSONObject()
        host.put("NetworkMode", network.mode)
        if network.hasPorts { ports(container.ports, &body, &host) }
        try volumes(container.dataVolumes, &body, &host)
        if !container.volumesFrom.isEmpty { host["VolumesFrom"] = JSON(container.volumesFrom) }
        host.put("Memory", container.memory)
        host.put("CpuShares", cpuShares(of: container))
        host.put("Dns", container.dns)
        host.put("DnsSearch", container.dnsSearch)
        host.put("ExtraHosts", container.extraHosts)
        host.put("Privileged", container.privileged)
        host.put("ReadonlyRootfs", container.readOnlyRoot)
        host.put("CapAdd", container.capabilitiesAdded)
        host.put("CapDrop", container.capabilitiesDropped)
        body["HostConfig"] = .object(host)
        return .object(body)
    }

    private static func labels(of instance: InstanceSpecification) -> [String: String] {
        var labels = instance.container.labels
        labels[ContainerSummary.instanceLabel] = instance.uuid
        return labels
    }

    /// What the kernel's largest weight of 262144 shares stands for.
    private static let largestMilliCPU = 256_000

    /// Shares out of thousandths of a processor, at least the engine's minimum of 2; 0 if nothing was asked for.
    private static func cpuShares(of container: ContainerSpecification) -> Int {
        let milliCPU = min(container.milliCPUReservation, largestMilliCPU)
        let shares = milliCPU > 0 ? milliCPU * 1024 / 1000 : container.cpuShares
        return container.milliCPUReservation > 0 || shares > 0 ? max(2, shares) : 0
    }

    private static func ports(_ ports: [PortBinding], _ body: inout JSONObject, _ host: inout JSONObject) {
        guard !ports.isEmpty else { return }
        var exposed = JSONObject()
        var bindings = JSONObject()
        for port in ports {
            let key = "\(port.privatePort)/\(port.transport)"
            exposed[key] = [:]
            let binding: JSON = ["HostIp": .string(port.hostAddress), "HostPort": .string(String(port.publicPort))]
            bindings[key] = .array((bindings[key]?.array ?? []) + [binding])
        }
        body["ExposedPorts"] = .object(exposed)
        host["PortBindings"] = .object(bindings)
    }

    /// `/path` is an anonymous volume, `source:/path` and `source:/path:mode` are binds (PROTOCOL 6.10).
    private static func volumes(
        _ volumes: [String], _ body: inout JSONObject, _ host: inout JSONObject
    ) throws(SpecificationError) {
        var paths = JSONObject()
        var binds: [String] = []
        for volume in volumes where !volume.isEmpty {
            let parts = volume.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard parts.allSatisfy({ !$0.isEmpty }) else {
                throw SpecificationError("The volume \"\(volume)\" has an empty part")
            }
            if parts.count == 1 {
                paths[parts[0]] = [:]
            } else {
                paths[parts[1]] = [:]
                binds.append(parts.count == 2 ? "\(volume):rw" : volume)
            }
        }
        if !paths.isEmpty { body["Volumes"] = .object(paths) }
        if !binds.isEmpty { host["Binds"] = JSON(binds) }
    }

    /// What a kind of network means for the create call (PROTOCOL 6.8).
    private struct Network {
        var mode = ""
        var isDisabled = false
        var hasPorts = false
        var hasHostname = true

        init(_ network: NetworkMode) throws(SpecificationError) {
            switch network {
            case .bridge: hasPorts = true
            case .host:
                mode = "host"
                hasHostname = false
            case .none:
                mode = "none"
                isDisabled = true
            // Not disabled: the engine would then not write a resolv.conf.
            case .cni: mode = "none"
            case .container(let id):
                guard let id, !id.isEmpty else {
                    throw SpecificationError(
                        "The network of another container is to be shared, but that one has no container yet")
                }
                mode = "container:\(id)"
                hasHostname = false
            }
        }
    }
}

/// A specification that no container can be made of. The text is for the user.
package struct SpecificationError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

extension JSONObject {
    fileprivate mutating func put(_ key: String, _ text: String) { if !text.isEmpty { self[key] = .string(text) } }
    fileprivate mutating func put(_ key: String, _ flag: Bool) { if flag { self[key] = true } }
    fileprivate mutating func put(_ key: String, _ number: Int) { if number != 0 { self[key] = .integer(number) } }
    fileprivate mutating func put(_ key: String, _ texts: [String]) { if !texts.isEmpty { self[key] = JSON(texts) } }
}
