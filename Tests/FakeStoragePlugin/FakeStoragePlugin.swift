internal import Foundation
internal import LosslessJSON
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// A storage plug-in on a real unix socket: a volume is a directory, mounting gives its path.
///
/// Like a real one it keeps its volumes when it is stopped and started again, and takes what is done already for done.
package final class FakeStoragePlugin: Sendable {
    package let socketPath: String
    /// The directory in which mounted volumes appear.
    package let volumeDirectory: String

    private struct State {
        var server: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
        var calls: [VolumeCall] = []
        var faults: [VolumeVerb: [(fault: PluginFault, times: Int)]] = [:]
        var reactions: [VolumeVerb: @Sendable () -> Void] = [:]
        var created: Set<String> = []
        var attached: Set<String> = []
        var mounted: Set<String> = []
    }

    private let state = Mutex(State())

    /// - Parameter volumeDirectory: Made when it is needed; a neighbour of the socket if none is given.
    package init(socketPath: String, volumeDirectory: String? = nil) {
        self.socketPath = socketPath
        self.volumeDirectory = volumeDirectory ?? socketPath + ".volumes"
    }

    /// All calls, in the order in which they arrived.
    package var calls: [VolumeCall] { state.withLock { $0.calls } }
    /// The volumes that there are.
    package var created: Set<String> { state.withLock { $0.created } }
    package var attached: Set<String> { state.withLock { $0.attached } }
    package var mounted: Set<String> { state.withLock { $0.mounted } }
    /// The connections that are open.
    package var connectionCount: Int { state.withLock { $0.connections.count } }

    /// Listens; a socket file that is there already is replaced.
    package func start() async throws {
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    self.enter(channel)
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(PluginHandler(plugin: self))
                }
            }
            .bind(unixDomainSocketPath: socketPath, cleanupExistingSocketFile: true).get()
        state.withLock { $0.server = server }
    }

    /// Closes everything, and takes the socket file away, unless it is to be left as after a crash.
    package func stop(leavingSocketFile: Bool = false) async throws {
        let (server, connections) = state.withLock { state in
            defer { state.server = nil }
            return (state.server, Array(state.connections.values))
        }
        let aside = socketPath + ".aside"
        // Closing takes the file away.
        if leavingSocketFile { try FileManager.default.moveItem(atPath: socketPath, toPath: aside) }
        try await server?.close()
        // One that closes itself at this moment is closed as well.
        for connection in connections { try? await connection.close() }
        if leavingSocketFile { try FileManager.default.moveItem(atPath: aside, toPath: socketPath) }
    }

    /// Orders a fault for the next calls; faults come in the order in which they were ordered.
    package func order(_ fault: PluginFault, for verb: VolumeVerb, times: Int = 1) {
        state.withLock { $0.faults[verb, default: []].append((fault, times)) }
    }

    /// Does something more at the next call, when it has arrived and before anything else is done about it.
    package func react(to verb: VolumeVerb, _ action: @escaping @Sendable () -> Void) {
        state.withLock { $0.reactions[verb] = action }
    }

    /// All is well again.
    package func clearFaults() {
        state.withLock { state in
            state.faults = [:]
            state.reactions = [:]
        }
    }

    /// Puts a volume there, created and attached, as by somebody else.
    package func provide(_ volume: String) {
        state.withLock { state in
            state.created.insert(volume)
            state.attached.insert(volume)
        }
    }

    /// Is not found any more by who looks for it now; the calls that have arrived are answered.
    ///
    /// - Parameter leavingSocketFile: There is a socket in its place on which nobody listens, as after a crash.
    package func vanish(leavingSocketFile: Bool) {
        rename(socketPath, hiddenPath)
        if leavingSocketFile { Self.makeDeadSocket(at: socketPath) }
    }

    /// Is found again.
    package func reappear() {
        // Replaces what stands in its place.
        rename(hiddenPath, socketPath)
    }

    private var hiddenPath: String { socketPath + ".hidden" }

    private static func makeDeadSocket(at path: String) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        close(descriptor)
    }

    private func enter(_ channel: any Channel) {
        state.withLock { $0.connections[ObjectIdentifier(channel)] = channel }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { _ = $0.connections.removeValue(forKey: ObjectIdentifier(channel)) }
        }
    }

    /// Notes the call and says what is to be done about it.
    func take(_ call: VolumeCall) -> PluginFault? {
        let (fault, reaction) = state.withLock { state -> (PluginFault?, (@Sendable () -> Void)?) in
            state.calls.append(call)
            guard let verb = VolumeVerb(rawValue: call.verb) else { return (nil, nil) }
            let reaction = state.reactions.removeValue(forKey: verb)
            guard var order = state.faults[verb]?.first else { return (nil, reaction) }
            order.times -= 1
            if order.times > 0 { state.faults[verb]?[0] = order } else { state.faults[verb]?.removeFirst() }
            return (order.fault, reaction)
        }
        reaction?()
        return fault
    }

    /// Does the work of the call and gives the body of the answer.
    func work(_ call: VolumeCall) -> String {
        guard let verb = VolumeVerb(rawValue: call.verb) else { return Self.body(error: "unknown call") }
        let name = call.volume
        guard !name.isEmpty, !name.hasPrefix("."), !name.contains("/") else {
            return Self.body(error: "'\(name)' is no name of a volume")
        }
        let path = "\(volumeDirectory)/\(name)"
        return state.withLock { state in
            switch verb {
            case .create: state.created.insert(name)
            case .attach:
                guard state.created.contains(name) else { return Self.body(error: "no volume \(name)") }
                state.attached.insert(name)
            case .mount:
                guard state.attached.contains(name) else { return Self.body(error: "\(name) is not attached") }
                do {
                    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
                } catch {
                    return Self.body(error: "\(error)")
                }
                state.mounted.insert(name)
                return JSON.object(JSONObject([.init(key: "Mountpoint", value: .string(path))])).encodedText
            case .unmount: state.mounted.remove(name)
            case .capabilities: return #"{"Capabilities":{"Scope":"flex"},"Err":""}"#
            case .remove:
                guard !state.mounted.contains(name) else { return Self.body(error: "\(name) is in use") }
                state.attached.remove(name)
                state.created.remove(name)
                try? FileManager.default.removeItem(atPath: path)
            }
            return #"{"Mountpoint":"","Err":""}"#
        }
    }

    static func body(error text: String) -> String {
        JSON.object(JSONObject([.init(key: "Err", value: .string(text))])).encodedText
    }
}
