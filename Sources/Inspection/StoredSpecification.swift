internal import FoundationEssentials
package import Model
package import Store

/// What the server said about a resource, out of the stored machine. Whoever shows it leaves the secrets out.
package enum StoredSpecification: Sendable, Hashable {
    case instance(InstanceSpecification)
    case volume(VolumeSpecification)
    case image(ImageSpecification)

    /// Reads it out of the row; `nil` if this program cannot.
    package init?(_ row: ResourceRow) {
        if row.key.kind == .instance, !row.specification.isEmpty {
            let data = Data(row.specification.utf8)
            guard let instance = try? JSONDecoder().decode(InstanceSpecification.self, from: data) else { return nil }
            self = .instance(instance)
        } else {
            self.init(machine: row.machine)
        }
    }

    /// Short ones are a part of the machine, and in older stores all are.
    private init?(machine text: String) {
        guard let machine = try? JSONDecoder().decode(StoredMachine.self, from: Data(text.utf8)) else {
            return nil
        }
        if let instance = machine.instance {
            self = .instance(instance.machine.specification)
        } else if let volume = machine.volume {
            self = .volume(volume.machine.specification)
        } else if let image = machine.image {
            self = .image(image.machine.specification)
        } else {
            return nil
        }
    }
}

/// The form in which `Codable` writes an enum of machines, each with a specification in it.
private struct StoredMachine: Decodable {
    struct Payload<Specification: Decodable>: Decodable {
        struct Machine: Decodable { let specification: Specification }

        let machine: Machine

        enum CodingKeys: String, CodingKey { case machine = "_0" }
    }

    let instance: Payload<InstanceSpecification>?
    let volume: Payload<VolumeSpecification>?
    let image: Payload<ImageSpecification>?
}
