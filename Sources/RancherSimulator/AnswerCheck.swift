import LosslessJSON

/// What a server looks for in an answer, and what it misses there. The real one loses what it does not find, without a
/// word; here each such thing is named.
struct AnswerCheck {
    let event: Asked
    let answer: Published
    let dialect: RancherServer.Dialect

    /// A line for each thing that the server cannot make use of; empty for a sound message.
    var objections: [String] {
        switch answer.outcome {
        case .progress: return []
        case .failure(let text):
            // Taken for the name of a Java class.
            return text.lowercased().hasPrefix("class:") ? ["the error begins with class:"] : []
        case .success: return echo + content
        }
    }

    /// Both have to come back as they were sent: Rancher 1.6 looks for the data under the type (PROTOCOL.md 4.2, 4.5).
    private var echo: [String] {
        var objections: [String] = []
        if answer.message["resourceId"].nonEmptyText != event.resourceID { objections.append("another resourceId") }
        if answer.message["resourceType"].nonEmptyText != event.resourceType {
            objections.append("another resourceType")
        }
        return objections
    }

    private var content: [String] {
        switch event.name {
        case "ping": return ping
        case "compute.instance.inspect":
            return missing(answer.data[event.resourceType ?? ""].object != nil, "data.\(event.resourceType ?? "")")
        case "compute.instance.activate", "compute.instance.deactivate":
            return dialect == .rancher20 ? statuses : mappedInstance
        case "compute.instance.remove":
            // One that nobody knows may be answered with nothing.
            return dialect == .rancher20 || answer.data.isNull ? [] : mappedInstance
        case "storage.image.activate":
            return missing(answer.data["imageStoragePoolMap"].object != nil, "data.imageStoragePoolMap")
        case "storage.volume.activate", "storage.volume.remove":
            guard dialect == .rancher16 else { return [] }
            let format = answer.data["volumeStoragePoolMap"]["volume"]["format"]
            return missing(format == "docker", "data.volumeStoragePoolMap.volume.format")
        default: return []
        }
    }

    private func missing(_ isThere: Bool, _ what: String) -> [String] {
        isThere ? [] : ["\(what) is not as it should be"]
    }

    // MARK: Instances

    /// PROTOCOL.md 5.1.1.
    private var statuses: [String] {
        let all = answer.data["deploymentSyncResponse"]["instanceStatus"].array ?? []
        if all.isEmpty { return ["data.deploymentSyncResponse.instanceStatus has no entry"] }
        return all.flatMap { status in
            missing(status["instanceUuid"].nonEmptyText != nil, "instanceUuid") + mounts(status["dockerInspect"])
        }
    }

    /// A mount that does not say whether it can be written makes the real server fail.
    private func mounts(_ inspection: JSON) -> [String] {
        missing((inspection["Mounts"].array ?? []).allSatisfy { $0["RW"].boolean != nil }, "Mounts[].RW")
    }

    /// PROTOCOL.md 5.2.1.
    private var mappedInstance: [String] {
        let instance = answer.mappedInstance
        guard let object = instance.object else { return ["data.\(event.resourceType ?? "").instance is missing"] }
        guard let data = object["+data"]?.object else { return ["instance.+data is missing"] }
        guard let fields = data["+fields"]?.object else { return ["instance.+data.+fields is missing"] }
        var objections = missing(object["externalId"]?.text != nil, "externalId")
        for key in ["dockerInspect", "dockerContainer"] { objections += missing(data[key] != nil, key) }
        objections += missing(fields["dockerHostIp"]?.text != nil, "dockerHostIp")
        for key in ["dockerPorts", "dockerIp"] { objections += missing(fields[key] != nil, key) }
        let isFound = data["dockerInspect"]?.isNull == false
        guard isFound else {
            for (key, value) in [
                ("dockerContainer", data["dockerContainer"]), ("dockerPorts", fields["dockerPorts"]),
                ("dockerIp", fields["dockerIp"]),
            ] {
                objections += missing(value?.isNull != false, "\(key) of no container")
            }
            return objections
        }
        objections += missing(instance["externalId"] == instance["+data"]["dockerInspect"]["Id"], "externalId")
        objections += missing(data["dockerContainer"]?["Id"].text == instance["externalId"].text, "dockerContainer.Id")
        objections += missing(fields["dockerIp"]?.text != nil, "dockerIp")
        let ports = fields["dockerPorts"]?.array
        objections += missing(ports?.allSatisfy { Self.isPort($0.text ?? "") } == true, "dockerPorts")
        return objections + mounts(instance["+data"]["dockerInspect"])
    }

    /// `[address:][public:]private/protocol`; after an address the public part is there, perhaps empty.
    static func isPort(_ text: String) -> Bool {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, ["tcp", "udp", "sctp"].contains(halves[1]) else { return false }
        // An address may have colons of its own.
        var parts = halves[0].split(separator: ":", omittingEmptySubsequences: false)
        guard let own = parts.popLast().flatMap({ UInt16($0) }), own > 0 else { return false }
        guard let published = parts.popLast() else { return true }
        return parts.isEmpty ? UInt16(published) != nil : published.isEmpty || UInt16(published) != nil
    }

    // MARK: Pings

    /// PROTOCOL.md 10.2.
    private var ping: [String] {
        let data = answer.data
        var objections = missing(data["options"].object != nil, "data.options")
        let resources = data["resources"].array ?? []
        let types = resources.compactMap(\.["type"].text)
        let isComplete = data["options"]["instances"].boolean == true
        if !isComplete { objections += missing(!types.contains("instance"), "instances without their option") }
        for instance in resources where instance["type"] == "instance" {
            objections += missing(["running", "stopped"].contains(instance["state"].text), "state of an instance")
        }
        switch dialect {
        case .rancher20:
            objections += missing(data["resources"].array != nil, "data.resources")
            objections += missing(data["hashKey"].text != nil, "data.hashKey")
            objections += missing(
                !types.contains { ["physicalHost", "hostUuid"].contains($0) }, "a type of Rancher 1.6")
            let order = ["host", "storagePool", "ipAddress", "instance"]
            objections += missing(isOrdered(types, order), "the order of the resources")
        case .rancher16: objections += ping16(resources, types, isComplete: isComplete)
        }
        return objections
    }

    private func ping16(_ resources: [JSON], _ types: [String], isComplete: Bool) -> [String] {
        var objections = missing(answer.data["hashKey"].isNull, "hashKey, which is one of Rancher 2.0,")
        objections += missing(resources.isEmpty == answer.data["resources"].isNull, "no resources")
        let order = ["physicalHost", "host", "storagePool", "ipAddress", "hostUuid", "instance"]
        objections += missing(isOrdered(types, order), "the order of the resources")
        if isComplete { objections += missing(types.contains("hostUuid"), "hostUuid before the instances") }
        func first(_ type: String) -> JSON { resources.first { $0["type"].text == type } ?? nil }
        let host = first("host")
        for resource in resources {
            let type = resource["type"].text ?? ""
            objections += missing(resource["systemContainer"].text == "", "systemContainer of \(type)")
            objections += missing(resource["uuid"].nonEmptyText != nil, "uuid of \(type)")
            if type == "instance" {
                for key in ["dockerId", "image"] {
                    objections += missing(resource[key].nonEmptyText != nil, "\(key) of an instance")
                }
            }
            if type == "storagePool" || type == "ipAddress" {
                objections += missing(resource["hostUuid"] == host["uuid"], "hostUuid of \(type)")
            }
        }
        guard !host.isNull else { return objections }
        objections += missing(host["physicalHostUuid"] == first("physicalHost")["uuid"], "physicalHostUuid")
        objections += missing(
            first("storagePool")["uuid"].text == "\(host["uuid"].text ?? "")-pool", "uuid of the pool")
        return objections
    }

    private func isOrdered(_ types: [String], _ order: [String]) -> Bool {
        let places = types.map { order.firstIndex(of: $0) }
        guard !places.contains(nil) else { return false }
        return zip(places, places.dropFirst()).allSatisfy { ($0 ?? 0) <= ($1 ?? 0) }
    }

    /// The hosts that the answer to a ping tells of by name.
    static func hosts(in answer: Published) -> [String] {
        (answer.data["resources"].array ?? []).filter { $0["type"] == "host" }.compactMap(\.["uuid"].nonEmptyText)
    }
}
