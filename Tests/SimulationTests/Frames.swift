import Model

/// What the server wants of the host with one event.
enum Wish: Hashable {
    case activate(Instance)
    case deactivate(Instance)
    case remove(Instance)
    case removeVolume(name: String, driver: String)
    /// The mark is that of the temporary tag; empty for none.
    case pull(mark: String, isComplete: Bool)
    case lookForImage
    case inspect(id: String, name: String)
    case unknownName
    case unreadableField(uuid: String)
    case unreadableFrame(String)

    /// An instance as the server describes it.
    struct Instance: Hashable {
        var uuid: String
        /// The container that the server knows of.
        var externalID = ""
        var volumes: [String] = []
        var network = "dockerBridge"
        var isNoop = false
        var pullsAlways = false
        /// The request is written out with all the members that a server writes, most of them null.
        var isVerbose = false
    }

    var instance: Instance? {
        switch self {
        case .activate(let instance), .deactivate(let instance), .remove(let instance): instance
        default: nil
        }
    }

    /// What to call it in a history.
    var title: String {
        switch self {
        case .activate(let it):
            "activate \(it.uuid) \(it.externalID) \(it.volumes) \(it.network)"
                + (it.isNoop ? " noop" : "") + (it.pullsAlways ? " always pull" : "")
        case .deactivate(let it): "deactivate \(it.uuid) \(it.externalID)\(it.isNoop ? " noop" : "")"
        case .remove(let it): "remove \(it.uuid) \(it.externalID)"
        case .removeVolume(let name, _): "remove volume \(name)"
        case .pull(let mark, let isComplete): "pull\(mark)\(isComplete ? ", complete" : "")"
        default: "\(self)"
        }
    }

    var name: String {
        switch self {
        case .activate, .unreadableField: "compute.instance.activate"
        case .deactivate: "compute.instance.deactivate"
        case .remove: "compute.instance.remove"
        case .removeVolume: "storage.volume.remove"
        case .pull, .lookForImage: "compute.instance.pull"
        case .inspect: "compute.instance.inspect"
        case .unknownName: "compute.instance.paint"
        case .unreadableFrame: ""
        }
    }
}

/// Writes events as a Rancher server of dialect A does (fixtures/, PROTOCOL 3.3, 5).
enum Frames {
    /// The image that all instances are made of.
    static let image = "shop/web:1"
    /// Volumes that a storage plug-in keeps.
    static let pluginDriver = "flex"
    static func driver(ofVolume name: String) -> String { name.hasPrefix("f") ? pluginDriver : "local" }

    static func text(_ wish: Wish, id: String, replyTo: String?, time: Int) -> String {
        if case .unreadableFrame(let text) = wish { return text }
        let reply = replyTo.map { "\"\($0)\"" } ?? "null"
        return """
            {"id":"\(id)","name":"\(wish.name)","replyTo":\(reply),\(resource(wish)),"previousIds":null,\
            "time":\(time),"timeoutMillis":15000,"data":{\(data(wish))}}
            """
    }

    private static func resource(_ wish: Wish) -> String {
        switch wish {
        case .activate, .deactivate, .remove, .unknownName, .unreadableField, .unreadableFrame:
            #""resourceId":"1i20","resourceType":"instance""#
        case .removeVolume: #""resourceId":"1v3","resourceType":"volume""#
        case .pull, .lookForImage: #""resourceId":null,"resourceType":"resourcePull""#
        case .inspect: #""resourceId":null,"resourceType":"instanceInspect""#
        }
    }

    private static func data(_ wish: Wish) -> String {
        switch wish {
        case .activate(let instance):
            "\"processData\":{\"containerNoOpEvent\":\(instance.isNoop)},\(request(instance))"
        case .deactivate(let instance):
            "\"processData\":{\"containerNoOpEvent\":\(instance.isNoop),\"timeout\":2},\(request(instance))"
        case .remove(let instance): request(instance)
        case .removeVolume(let name, let driver):
            "\"volume\":\(volume(name, driver))"
        case .pull(let mark, let isComplete): pull(mark, isComplete, mode: "all")
        case .lookForImage: pull("", false, mode: "cached")
        case .inspect(let id, let name):
            #""instanceInspect":{"id":"\#(id)","name":"\#(name)","kind":"docker"}"#
        case .unknownName, .unreadableFrame: ""
        case .unreadableField(let uuid):
            request(Wish.Instance(uuid: uuid)).replacing(#""memory":null"#, with: #""memory":"much""#)
        }
    }

    private static func volume(_ name: String, _ driver: String) -> String {
        #"{"id":"1v3","type":"volume","name":"\#(name)","driver":"\#(driver)","driverOpts":null,"uri":null,"#
            + #""isHostPath":false}"#
    }

    private static func pull(_ mark: String, _ isComplete: Bool, mode: String) -> String {
        #""instancePull":{"kind":"docker","mode":"\#(mode)","complete":\#(isComplete),"tag":"\#(mark)","#
            + #""image":{"data":{"dockerImage":{"fullName":"\#(image)","server":""}},"registryCredential":null}}"#
    }

    private static func request(_ instance: Wish.Instance) -> String {
        let external = instance.externalID.isEmpty ? "null" : "\"\(instance.externalID)\""
        let mounts = instance.volumes.map { "\"\($0):/\($0)\"" }.joined(separator: ",")
        let labels = instance.pullsAlways ? #"{"io.rancher.container.pull_image":"always"}"# : "{}"
        let volumes = instance.volumes.map { volume($0, driver(ofVolume: $0)) }.joined(separator: ",")
        return #""deploymentSyncRequest":{"type":"deploymentSyncRequest","nodeName":"node1","containers":[{"#
            + #""id":"1i20","uuid":"\#(instance.uuid)","name":"web","image":"\#(image)","externalId":\#(external),"#
            + #""primaryNetworkId":"1n4","labels":\#(labels),"dataVolumes":[\#(mounts)],"memory":null"#
            + "\(instance.isVerbose ? rest : "")}],"
            + #""networks":[{"id":"1n4","kind":"\#(instance.network)"}],"volumes":[\#(volumes)],"#
            + #""registryCredentials":[]}"#
    }

    /// What else a server writes.
    private static let rest = #"""
        ,"type":"container","kind":"container","state":"starting","firstRunning":null,"hostId":"1h1",
        "registryCredentialId":null,"networkContainerId":null,"command":["sleep","3600"],"entryPoint":null,
        "environment":{"GREETING":"hello"},"stdinOpen":false,"tty":false,"dataVolumesFrom":null,"publicEndpoints":[],
        "milliCpuReservation":null,"privileged":false,"publishAllPorts":false,"readOnly":false,"capAdd":null,
        "capDrop":null,"cpuSetCpu":null,"cpuShares":null,"devices":null,"dns":null,"dnsSearch":null,"domainName":null,
        "extraHosts":null,"healthCmd":null,"hostname":null,"ipcMode":null,"logConfig":null,"memoryReservation":null,
        "memorySwap":null,"pidMode":null,"securityOpt":null,"stopSignal":null,"sysctls":null,"tmpfs":null,
        "ulimits":null,"user":null,"workingDir":null
        """#
}
