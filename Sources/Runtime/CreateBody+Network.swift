import LosslessJSON
import Model

extension CreateBody {
    /// What a kind of network means for the create call (PROTOCOL 6.8).
    ///
    /// That name servers are left out for engines of the versions 1.10 and 1.11 is of no interest: they speak API 1.22
    /// and 1.23, and no engine below API 1.24 is talked to.
    struct Network {
        var mode = ""
        var isDisabled = false
        var hasPorts = false
        var hasHostname = true
        var hasLinks = true

        init(_ network: NetworkMode, _ context: CreateContext) throws(SpecificationError) {
            switch network {
            case .bridge: hasPorts = true
            case .host:
                mode = "host"
                hasHostname = false
                hasLinks = false
            case .none:
                mode = "none"
                isDisabled = true
                hasLinks = false
            // Not disabled: the engine would then not write a resolv.conf.
            case .cni: mode = "none"
            case .container(let id):
                guard let id, !id.isEmpty else {
                    throw SpecificationError(
                        "The network of another container is to be shared, but that one has no container yet")
                }
                mode = "container:\(id)"
                hasHostname = false
                hasLinks = false
            // Where there is none, the engine says best that there is none of this name.
            case .instance(let other):
                mode = "container:\(context.containers[other] ?? other.containerName)"
                hasHostname = false
                hasLinks = false
            }
        }
    }

    /// Public port 0 is left to the engine, for which that is an empty text (PROTOCOL 6.7, 12.3 no. 70).
    static func ports(_ ports: [PortBinding], _ body: inout JSONObject, _ host: inout JSONObject) {
        var keys: [String] = []
        var bindings: [String: [JSON]] = [:]
        for port in ports {
            let key = "\(port.privatePort)/\(port.transport)"
            if bindings[key] == nil { keys.append(key) }
            let publicPort = port.publicPort == 0 ? "" : String(port.publicPort)
            let binding: JSON = ["HostIp": .string(port.hostAddress), "HostPort": .string(publicPort)]
            if !bindings[key, default: []].contains(binding) { bindings[key, default: []].append(binding) }
        }
        body.put("ExposedPorts", JSONObject(keys.map { .init(key: $0, value: [:]) }))
        host.put("PortBindings", JSONObject(keys.map { .init(key: $0, value: .array(bindings[$0] ?? [])) }))
    }

    /// The search domains of the container, with those of the host if all of its own are Rancher's (PROTOCOL 6.8).
    static func searchDomains(_ container: ContainerSpecification, _ context: CreateContext) -> [String] {
        guard container.needsHostSearchDomains else { return container.dnsSearch }
        var known = Set(container.dnsSearch)
        let added = context.hostSearchDomains.filter { known.insert($0).inserted }
        return container.labels["io.rancher.container.dns.priority"] == "service_last"
            ? added + container.dnsSearch : container.dnsSearch + added
    }
}

extension ContainerSpecification {
    var needsHostSearchDomains: Bool {
        !dnsSearch.isEmpty && dnsSearch.allSatisfy { $0.hasSuffix("rancher.internal") }
    }
}
