/// The steps of the examination, in the order in which they are taken.
package enum Step: String, Sendable, Hashable, CaseIterable {
    // The way to the server
    case settings
    case proxy
    case name
    case connection
    case tls
    case registration
    case api
    case clock
    case credentials
    case schemas
    case websocket
    case ping
    // This host
    case dockerSocket = "docker-socket"
    case docker
    case network
    case storagePlugins = "storage-plug-ins"
    case disk
    case database
    case lastEvent = "last-event"

    /// For people.
    package var title: String {
        switch self {
        case .settings: "Settings"
        case .proxy: "Proxy"
        case .name: "Name resolution"
        case .connection: "Connection"
        case .tls: "TLS"
        case .registration: "Registration"
        case .api: "API"
        case .clock: "Clock"
        case .credentials: "Credentials"
        case .schemas: "Schemas"
        case .websocket: "Websocket"
        case .ping: "Ping"
        case .dockerSocket: "Docker socket"
        case .docker: "Docker"
        case .network: "CNI state"
        case .storagePlugins: "Storage plug-ins"
        case .disk: "Disk space"
        case .database: "Database"
        case .lastEvent: "Last event"
        }
    }
}

/// What came of one step.
package struct StepReport: Sendable, Hashable {
    package let step: Step
    /// The host that it was about, where the way leads to more than one.
    package let place: String?
    package let finding: Diagnosis
    package let took: Duration
}
