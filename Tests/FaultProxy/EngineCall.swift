/// A call to the engine, as far as the tests tell them apart.
package enum EngineCall: String, CaseIterable, Sendable {
    case ping, version, info, events
    /// The list of what carries a label, and the list of everything.
    case list, listAll
    case create, inspect, start, stop, kill, remove, pull, inspectImage, tagImage, removeImage
    case createVolume, inspectVolume, removeVolume, other

    /// - Parameters:
    ///   - path: Without the version.
    ///   - isFiltered: The call has a parameter `filters`.
    package init(method: String, path: String, isFiltered: Bool = false) {
        let parts = path.split(separator: "/").map(String.init)
        self =
            switch (method, parts.first, parts.last) {
            case (_, "_ping", _): .ping
            case (_, "version", _): .version
            case (_, "info", _): .info
            case (_, "events", _): .events
            case ("POST", "containers", "create"): .create
            case ("GET", "containers", "json"): parts.count > 2 ? .inspect : isFiltered ? .list : .listAll
            case ("POST", "containers", "start"): .start
            case ("POST", "containers", "stop"): .stop
            case ("POST", "containers", "kill"): .kill
            case ("DELETE", "containers", _): .remove
            case ("POST", "images", "create"): .pull
            case ("GET", "images", "json"): .inspectImage
            case ("POST", "images", "tag"): .tagImage
            case ("DELETE", "images", _): .removeImage
            case ("POST", "volumes", "create"): .createVolume
            case ("GET", "volumes", _): .inspectVolume
            case ("DELETE", "volumes", _): .removeVolume
            default: .other
            }
    }
}
