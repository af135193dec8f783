import LosslessJSON
import Model

extension InstanceRequest {
    /// Adds to the environment what the agent knows or works out: links, the way to the server for agents, and the way
    /// out for system containers (PROTOCOL 6.5, 6.6).
    func complete(_ environment: inout [String: String], labels: [String: String]) throws(UnusablePayload) {
        if try !isNative {
            for link in try links() {
                environment.merge(try link.environment()) { given, _ in given }
            }
        }
        // The label asks for the same; it stands where all labels of the user stand (PROTOCOL 12.3 no. 80).
        if agentID != nil || labels["io.rancher.container.cattle_url"] != nil {
            environment.merge(agentEnvironment) { given, _ in given }
        }
        if try instance["system"].boolean() {
            let proxies = facts.proxyVariables.filter {
                AgentFacts.proxyVariableNames.contains($0.key) && !$0.value.isEmpty
            }
            environment.merge(proxies) { _, own in own }
        }
    }

    /// `uuid:name` for containers that came from outside of Rancher; all others get an environment instead.
    func nativeLinks() throws(UnusablePayload) -> [String] {
        guard try isNative else { return [] }
        var links: [String] = []
        for link in try self.links() {
            let uuid = try link.field["targetInstance"]["uuid"].text()
            if !uuid.isEmpty { links.append("\(uuid):\(link.name)") }
        }
        return links
    }

    private var isNative: Bool {
        get throws(UnusablePayload) { try instance["nativeContainer"].boolean() }
    }

    private func links() throws(UnusablePayload) -> [Link] {
        var links: [Link] = []
        for field in try instance["instanceLinks"].elements() ?? [] {
            guard field.value.object != nil else { throw field.unusable("an object") }
            let name = try field["linkName"].text()
            if !name.isEmpty { links.append(Link(field: field, name: name)) }
        }
        return links
    }

    /// PROTOCOL 6.5.2.
    private var agentEnvironment: [String: String] {
        let text = facts.configurationURL()
        guard !text.isEmpty else { return [:] }
        guard let url = try? APIURL(text), url.host.contains("localhost") else {
            return ["CATTLE_CONFIG_URL": text, "CATTLE_URL": text]
        }
        return [
            "CATTLE_AGENT_INSTANCE": "true", "CATTLE_CONFIG_URL_SCHEME": url.scheme,
            "CATTLE_CONFIG_URL_PATH": url.path, "CATTLE_CONFIG_URL_PORT": String(facts.proxyPort),
        ]
    }
}

/// A link to another instance, as the environment that the engine's own links made once (PROTOCOL 6.6).
private struct Link {
    let field: PayloadField
    let name: String

    func environment() throws(UnusablePayload) -> [String: String] {
        let fields = field["data"]["fields"]
        var ports: [Port] = []
        for element in try fields["ports"].elements() ?? [] {
            // One without a number says nothing (PROTOCOL 12.3 no. 79).
            if let port = try Port(element) { ports.append(port) }
        }
        let target = Self.targetEnvironment(field["targetInstance"]["data"]["dockerInspect"]["Config"]["Env"].value)
        var environment: [String: String] = [:]
        func add(_ alias: String, host: String) {
            let prefix = Self.variableName(alias)
            var variables = ["\(prefix)_NAME": "/cattle/\(alias)"]
            for port in ports {
                let transport = port.transport
                let address = "\(transport)://\(host):\(port.number)"
                let one = "\(prefix)_PORT_\(port.number)_\(transport.uppercased())"
                variables["\(prefix)_PORT"] = address
                variables[one] = address
                variables["\(one)_ADDR"] = host
                variables["\(one)_PORT"] = port.number
                variables["\(one)_PROTO"] = transport
            }
            for (key, value) in target { variables["\(prefix)_ENV_\(key)"] = value }
            environment.merge(variables) { first, _ in first }
        }
        add(name, host: name.lowercased())
        for other in try fields["instanceNames"].texts() ?? [] where !other.isEmpty {
            add(other, host: name)
            // Such as `stack_service`, known inside its stack without the first part.
            guard let underscore = other.firstIndex(of: "_") else { continue }
            let rest = String(other[other.index(after: underscore)...])
            if !rest.isEmpty { add(rest, host: name) }
        }
        return environment
    }

    /// Upper case, with `_` for whatever a variable's name may not have (PROTOCOL 12.3 no. 77).
    private static func variableName(_ name: String) -> String {
        String(name.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    }

    /// What the target was given, without what every container has, and without its own links.
    private static func targetEnvironment(_ list: JSON) -> [String: String] {
        let entries = (list.array ?? []).compactMap(\.text).compactMap { entry in
            entry.firstIndex(of: "=").map {
                (key: String(entry[..<$0]), value: String(entry[entry.index(after: $0)...]))
            }
        }
        let mark = "/cattle/"
        let linked = entries.filter { $0.value.hasPrefix(mark) }.map {
            variableName(String($0.value.dropFirst(mark.count)))
        }
        var environment: [String: String] = [:]
        for (key, value) in entries where key != "HOME" && key != "PATH" && !key.isEmpty {
            let isLink = linked.contains { name in
                ["NAME", "PORT", "ENV"].contains { key.hasPrefix("\(name)_\($0)") }
            }
            if !isLink { environment[key] = value }
        }
        return environment
    }

    private struct Port {
        let number: String
        let transport: String

        init?(_ field: PayloadField) throws(UnusablePayload) {
            // Nor does one whose number is none; it costs only itself.
            guard let number = try? field["privatePort"].port(), number != 0 else { return nil }
            self.number = String(number)
            let transport = try field["protocol"].text().lowercased()
            self.transport = transport.isEmpty ? "tcp" : transport
        }
    }
}
