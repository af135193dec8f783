import DockerEngine
import LosslessJSON
import Model
import StoragePlugin

extension OperationRunner {
    /// A storage plug-in goes before the engine (PROTOCOL 7.4).
    func inspectVolume(_ volume: VolumeSpecification) async throws(EngineError) -> OperationOutcome {
        do throws(StoragePluginError) {
            if try await isKeptByPlugin(volume) { return .keptByPlugin }
        } catch {
            // Where this host does not let us look, or the plug-in that there has to be is not there or says nothing of
            // use, it will not do so at once. The question changes nothing, so there is nothing to be unsure of.
            return .refused(Refusal(message: error.message))
        }
        return .volume(try await engineVolume(volume))
    }

    private func engineVolume(_ volume: VolumeSpecification) async throws(EngineError) -> InspectedVolume? {
        do throws(EngineError) {
            return try InspectedVolume(try await engine.inspectVolume(volume.name), "GET /volumes/{name}")
        } catch  where error.isNotFound {
            return nil
        }
    }

    private func isKeptByPlugin(_ volume: VolumeSpecification) async throws(StoragePluginError) -> Bool {
        switch volume.keeping {
        case .byAnyPlugin: return try await surroundings.plugins?.plugin(forDriver: volume.driver) != nil
        case .byRancherPlugin:
            guard VolumeKeeping.isRancherDriver(volume.driver) else { return false }
            guard let plugin = try await surroundings.plugins?.plugin(forDriver: volume.driver) else {
                let path = surroundings.plugins?.socketPath(forDriver: volume.driver) ?? volume.driver
                throw StoragePluginError(.refused, "socket file not found at \(path)")
            }
            return try await plugin.heeding(volume).scope(volume.name, options: volume.driverOptions) == "flex"
        }
    }

    func createVolume(_ volume: VolumeSpecification) async throws(EngineError) -> InspectedVolume {
        try InspectedVolume(
            try await engine.createVolume(name: volume.name, driver: volume.driver, options: volume.driverOptions),
            "POST /volumes/create")
    }

    func callPlugin(_ call: PluginCall, _ volume: VolumeSpecification) async -> OperationOutcome {
        do {
            guard let plugin = try await surroundings.plugins?.plugin(forDriver: volume.driver)?.heeding(volume) else {
                return .noPlugin
            }
            var mountpoint = ""
            switch call {
            case .create: try await plugin.create(volume.name, options: volume.driverOptions)
            case .attach: try await plugin.attach(volume.name, options: volume.driverOptions)
            case .mount: mountpoint = try await plugin.mount(volume.name, options: volume.driverOptions)
            case .unmount: try await plugin.unmount(volume.name)
            case .remove:
                if volume.keeping == .byRancherPlugin, try await removeFromEngine(volume) { break }
                try await plugin.remove(volume.name)
            }
            return .pluginDone(mountpoint: mountpoint)
        } catch {
            switch error {
            case let error as StoragePluginError: return OperationOutcome(error)
            case let error as EngineError: return OperationOutcome(error)
            default: return .unknown(String(describing: error))
            }
        }
    }

    /// An engine that knows the volume as its own driver's has the plug-in remove it, and would else go on knowing it
    /// (PROTOCOL 5.12).
    ///
    /// - Returns: Whether it did.
    private func removeFromEngine(_ volume: VolumeSpecification) async throws(EngineError) -> Bool {
        guard try await engineVolume(volume) != nil else { return false }
        try await untilGone { () async throws(EngineError) in
            try await engine.removeVolume(volume.name, force: false)
        }
        return true
    }
}

extension StoragePlugin {
    /// The same plug-in, whose answers are taken for what they mean to the server that has asked for the volume.
    fileprivate func heeding(_ volume: VolumeSpecification) -> StoragePlugin {
        var plugin = self
        plugin.heedsClientErrors = volume.keeping == .byRancherPlugin
        return plugin
    }
}

extension InspectedVolume {
    fileprivate init(_ raw: JSON, _ call: String) throws(EngineError) {
        guard let driver = raw["Driver"].nonEmptyText else {
            throw EngineError(.badAnswer, "the Docker daemon did not tell the volume's driver", call: call)
        }
        self.init(driver: driver, mountpoint: raw["Mountpoint"].text ?? "")
    }
}

extension OperationOutcome {
    /// What an error of a storage plug-in says about whether the thing was done.
    fileprivate init(_ error: StoragePluginError) {
        switch error.kind {
        case .unreachable: self = .unavailable(error.message)
        case .unknown: self = .unknown(error.message)
        case .refused: self = .refused(Refusal(message: error.message))
        }
    }
}
