package import LosslessJSON
package import Model

/// The body of the engine's create call (PROTOCOL 6). What was not asked for is left out, so that the engine's own
/// defaults hold: a zero is not always one (PROTOCOL 12.3 no. 41, 42, 12.6).
package enum CreateBody {
    /// Makes it. The same instance in the same context always gives the same bytes.
    ///
    /// - Throws: ``SpecificationError`` for what no container can be made of.
    package static func of(
        _ instance: InstanceSpecification, _ context: CreateContext = CreateContext()
    ) throws(SpecificationError) -> JSON {
        let container = instance.container
        guard !container.image.isEmpty else {
            throw SpecificationError(
                "Can not start container with no image; Cause: the full name of docker image is empty")
        }
        let network = try Network(container.network, context)
        var body = JSONObject()
        body["Image"] = .string(container.image)
        let process = Process(container, context)
        if let command = process.command { body["Cmd"] = JSON(command) }
        if let entryPoint = process.entryPoint { body["Entrypoint"] = JSON(entryPoint) }
        if !container.environment.isEmpty {
            body["Env"] = JSON(container.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
        }
        body["Labels"] = JSON(labels(of: instance))
        body.put("WorkingDir", container.workingDirectory)
        body.put("User", container.user)
        body.put("Tty", container.tty)
        body.put("OpenStdin", container.openStandardInput)
        if network.hasHostname { body.put("Hostname", container.hostname) }
        body.put("Domainname", container.domainName)
        body.put("StopSignal", container.stopSignal)
        if context.supportsStopTimeout {
            body.put("StopTimeout", container.stopTimeoutSeconds)
            if container.stopsAtOnce { body["StopTimeout"] = 0 }
        }
        body.put("Healthcheck", healthCheck(container.healthCheck))
        body.put("NetworkDisabled", network.isDisabled)

        var host = JSONObject()
        host.put("NetworkMode", network.mode)
        if network.hasLinks { host.put("Links", container.links) }
        if network.hasPorts {
            body.put("MacAddress", container.macAddress)
            ports(container.ports, &body, &host)
            host.put("PublishAllPorts", container.publishAllPorts)
        }
        try volumes(of: instance, context, &body, &host)
        settings(of: container, context, &host)
        limits(of: container, context, &host)
        body["HostConfig"] = .object(host)
        return .object(body)
    }

    private static func labels(of instance: InstanceSpecification) -> [String: String] {
        var labels = instance.container.labels
        labels[ContainerSummary.instanceLabel] = instance.uuid
        return labels
    }

    /// Members that are left out are the image's.
    private static func healthCheck(_ check: HealthCheck) -> JSONObject {
        var body = JSONObject()
        body.put("Test", check.command)
        body.put("Interval", nanoseconds(check.intervalSeconds))
        body.put("Timeout", nanoseconds(check.timeoutSeconds))
        body.put("Retries", check.retries)
        return body
    }

    private static func nanoseconds(_ seconds: Int) -> Int {
        let (value, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : value
    }
}

/// A specification that no container can be made of. The text is for the user.
package struct SpecificationError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

extension JSONObject {
    mutating func put(_ key: String, _ text: String) { if !text.isEmpty { self[key] = .string(text) } }
    mutating func put(_ key: String, _ flag: Bool) { if flag { self[key] = true } }
    mutating func put(_ key: String, _ number: Int) { if number != 0 { self[key] = .integer(number) } }
    mutating func put(_ key: String, _ texts: [String]) { if !texts.isEmpty { self[key] = JSON(texts) } }
    mutating func put(_ key: String, _ texts: [String: String]) { if !texts.isEmpty { self[key] = JSON(texts) } }
    mutating func put(_ key: String, _ list: [JSON]) { if !list.isEmpty { self[key] = .array(list) } }
    mutating func put(_ key: String, _ object: JSONObject) { if !object.isEmpty { self[key] = .object(object) } }
}
