internal import Agent
internal import ContainerNetwork
internal import DockerEngine
internal import Inspection

extension Examination {
    mutating func examineHost() async {
        await examineEngine()
        let files = FileProbe(calls: calls, deadline: limits.files)
        var directories = [configuration.stateDirectory + "/cni"]
        let usual = AddressLookup.defaultStateDirectory + "/cni"
        if directories[0] != usual { directories.append(usual) }
        var start = ContinuousClock.now
        note(.network, since: start, await files.network(directories).finding())
        start = .now
        let plugins = await files.storagePlugins(in: configuration.storagePluginDirectory, sockets)
        note(.storagePlugins, since: start, plugins.finding())
        start = .now
        let disk = await files.disk(of: configuration.stateDirectory)
        note(.disk, since: start, disk.finding(directory: configuration.stateDirectory))
        guard disk != .missing else { return skip([.database, .lastEvent], because: .disk) }
        start = .now
        let location = StateLocation(option: configuration.stateDirectory, environment: [:])
        let store = await StoreProbe(location: location, calls: calls, deadline: limits.database).read()
        note(.database, since: start, store.finding(path: location.databasePath))
        if let last = store.lastEventFinding(now: now) {
            note(.lastEvent, last)
        } else {
            skip([.lastEvent], because: .database)
        }
    }

    private var sockets: SocketProbe { SocketProbe(calls: calls, deadline: limits.socket) }

    private mutating func examineEngine() async {
        let endpoint: EngineEndpoint
        do throws(EngineError) {
            endpoint = try EngineEndpoint(
                dockerHost: configuration.dockerHost, certificatePath: configuration.dockerCertificatePath,
                verifyTLS: configuration.dockerTLSVerify)
        } catch {
            note(.dockerSocket, EngineSocketObservation.misconfigured(error.message).finding(endpoint: ""))
            return skip([.docker], because: .dockerSocket)
        }
        let deadline = min(limits.engine, configuration.dockerDeadline ?? limits.engine)
        let probe = EngineProbe(endpoint: endpoint, sockets: sockets, deadline: deadline)
        var start = ContinuousClock.now
        guard note(.dockerSocket, since: start, await probe.knock().finding(endpoint: endpoint.description)) else {
            return skip([.docker], because: .dockerSocket)
        }
        start = .now
        note(.docker, since: start, await probe.ask().finding(endpoint: endpoint.description))
    }
}
