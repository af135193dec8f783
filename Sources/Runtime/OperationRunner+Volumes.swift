import DockerEngine
import LosslessJSON
import Model
import StoragePlugin

extension OperationRunner {
    /// A storage plug-in goes before the engine (PROTOCOL 7.4).
    func inspectVolume(_ volume: VolumeSpecification) async throws(EngineError) -> OperationOutcome {
        do throws(StoragePluginError) {
            if try await surroundings.plugins?.plugin(forDriver: volume.driver) != nil { return .keptByPlugin }
        } catch {
            // It was not the plug-in that could not be reached: this host does not let us look for it.
            return .refused(Refusal(message: error.message))
        }
        do throws(EngineError) {
            return .volume(try InspectedVolume(try await engine.inspectVolume(volume.name), "GET /volumes/{name}"))
        } catch  where error.isNotFound {
            return .volume(nil)
        }
    }

    func createVolume(_ volume: VolumeSpecification) async throws(EngineError) -> InspectedVolume {
        try InspectedVolume(
            try await engine.createVolume(name: volume.name, driver: volume.driver, options: volume.driverOptions),
            "POST /volumes/create")
    }

    func callPlugin(_ call: PluginCall, _ volume: VolumeSpecification) async -> OperationOutcome {
        do throws(StoragePluginError) {
            guard let plugin = try await surroundings.plugins?.plugin(forDriver: volume.driver) else {
                return .noPlugin
            }
            var mountpoint = ""
            switch call {
            case .create: try await plugin.create(volume.name, options: volume.driverOptions)
            case .attach: try await plugin.attach(volume.name, options: volume.driverOptions)
            case .mount: mountpoint = try await plugin.mount(volume.name, options: volume.driverOptions)
            case .unmount: try await plugin.unmount(volume.name)
            case .remove: try await plugin.remove(volume.name)
            }
            return .pluginDone(mountpoint: mountpoint)
        } catch {
            return OperationOutcome(error)
        }
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
