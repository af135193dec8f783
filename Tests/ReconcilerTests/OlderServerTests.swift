import Lifecycle
import Model
import SimulatedEngine
import Store
import Testing

@testable import Reconciler

/// What only servers of the 1.6 line ask for.
struct OlderServerTests {
    @Test("A configuration that was updated is answered so, one that was not with what the program said (defect 85)")
    func configuration() throws {
        let host = try Host()
        host.give(.event(event("e1", .configure(["a", "b"]))))
        #expect(host.operations == [.updateConfiguration(items: ["a", "b"])])
        host.run()
        #expect(host.answer("e1") == "done")
        host.engine.configurationExitCode = 3
        host.give(.event(event("e2", .configure([]))))
        host.run()
        #expect(host.answer("e2") == "exit code 3: said so")
        #expect(host.published["e2"]?.count == 1)
    }

    @Test("A configuration whose update the last process has not finished is updated again")
    func configurationAgain() throws {
        let host = try Host()
        host.give(.event(event("e1", .configure(["a"]))))
        try host.crash { _ in false }
        host.run()
        #expect(host.operations.count == 2)
        #expect(host.answer("e1") == "done")
    }

    @Test("What asks for nothing is answered at once, and once")
    func acknowledged() throws {
        let host = try Host()
        host.give(.event(event("e1", .acknowledge)), .event(event("e1", .acknowledge)))
        host.run()
        #expect(host.answer("e1") == "done")
        #expect(host.operations.isEmpty)
        host.give(.event(event("e2", .acknowledge, replyTo: nil)))
        host.run()
        #expect(host.published["e2"] == nil)
    }

    @Test("A volume is there without being mounted, and is mounted when an instance needs it")
    func createdVolume() throws {
        let host = try Host()
        host.engine.plugins = ["flex"]
        let volume = VolumeSpecification(name: "v", driver: "flex")
        host.give(.event(event("e1", .createVolume(volume))))
        host.run()
        #expect(host.answer("e1") == "done")
        #expect(host.engine.kept == ["v"])
        #expect(host.engine.mounted.isEmpty)
        var instance = instance()
        instance.volumes = [volume]
        host.give(.event(event("e2", .activate(instance))))
        host.run()
        #expect(host.answer("e2") == "instance u-1 running")
        #expect(host.engine.mounted == ["v"])
        // Asked for again while it is mounted, it stays so.
        host.give(.event(event("e3", .createVolume(volume))))
        host.run()
        #expect(host.answer("e3") == "done")
        #expect(host.engine.mounted == ["v"])
        host.give(.event(event("e4", .deactivate(instance))))
        host.run()
        #expect(host.engine.mounted.isEmpty, "given back after the stop (defect 83)")
    }

    @Test("A volume whose plug-in leaves the mount to the engine is attached before each start (defect 83)")
    func attachedVolume() throws {
        let host = try Host()
        host.engine.plugins = ["rancher-nfs"]
        host.engine.inflexible = ["rancher-nfs"]
        var instance = instance()
        instance.volumes = [VolumeSpecification(name: "v", driver: "rancher-nfs", keeping: .byRancherPlugin)]
        func attached() -> Int {
            host.operations.count { if case .callPlugin(.attach, _) = $0 { true } else { false } }
        }
        host.give(.event(event("e1", .activate(instance))))
        host.run()
        #expect(host.answer("e1") == "instance u-1 running")
        #expect(host.engine.volumes["v"]?.driver == "rancher-nfs")
        #expect(attached() == 1)
        host.give(.event(event("e2", .deactivate(instance))))
        host.run()
        host.give(.event(event("e3", .activate(instance))))
        host.run()
        #expect(host.answer("e3") == "instance u-1 running")
        #expect(attached() == 2)
        #expect(host.engine.mounted.isEmpty)
        #expect(!host.operations.contains { if case .callPlugin(.unmount, _) = $0 { true } else { false } })
    }

    @Test("A volume that the engine mounted for a container of long ago is not unmounted by its plug-in (defect 83)")
    func mountedByOthers() throws {
        let host = try Host()
        host.engine.plugins = ["rancher-nfs", "local"]
        host.engine.inflexible = ["rancher-nfs"]
        var instance = instance()
        instance.volumes = ["rancher-nfs", "local"].map {
            VolumeSpecification(name: "of-\($0)", driver: $0, keeping: .byRancherPlugin)
        }
        host.give(.event(event("e1", .deactivate(instance))))
        host.run()
        #expect(host.answer("e1") == "instance u-1 gone")
        #expect(!host.operations.contains { if case .callPlugin = $0 { true } else { false } })
        // The same if nobody is there who could say.
        host.engine.plugins = []
        host.give(.event(event("e2", .deactivate(instance))))
        host.run()
        #expect(host.answer("e2") == "instance u-1 gone")
    }

    @Test("A volume that is on its way to an instance need not be created for its own sake as well")
    func createdOnTheWay() {
        let volume = VolumeSpecification(name: "v", driver: "rancher-nfs", keeping: .byRancherPlugin)
        func machine(_ desired: VolumeDesire) -> VolumeMachine {
            VolumeMachine(volume, desired: desired, holder: "u-1")
        }
        #expect(machine(.active).serves(VolumeMachine(volume, desired: .created)))
        #expect(!machine(.created).serves(machine(.active)))
        #expect(!machine(.removed).serves(VolumeMachine(volume, desired: .created)))
        var active = machine(.active)
        active.joined(by: VolumeMachine(volume, desired: .created))
        #expect(active.claimants == ["u-1"])
    }

    @Test("A volume that cannot be attached keeps its instance from being started, with the plug-in's words")
    func unattachable() throws {
        let host = try Host()
        host.engine.inflexible = ["rancher-nfs"]
        var instance = instance()
        instance.volumes = [VolumeSpecification(name: "v", driver: "rancher-nfs", keeping: .byRancherPlugin)]
        host.give(.event(event("e1", .activate(instance))))
        host.run()
        #expect(
            host.answer("e1") == "failure: There is no storage plug-in for driver rancher-nfs of volume v")
        #expect(host.engine.containers.isEmpty)
    }

    @Test("An image that is built is built once, if it is not there")
    func built() throws {
        let host = try Host()
        let image = ImageSpecification(reference: "mine", build: ImageBuild(remote: "git://x/y", tag: "mine"))
        for id in ["e1", "e2"] {
            host.give(.event(event(id, .pull(image))))
            host.run()
            #expect(host.answer(id)?.hasPrefix("image ") == true)
        }
        #expect(host.operations.count { if case .buildImage = $0 { true } else { false } } == 1)
        #expect(host.engine.pulls == 0)
        // What was built under another name does not serve.
        let other = ImageSpecification(reference: "other", build: ImageBuild(remote: "git://x/y", tag: "mine"))
        host.give(.event(event("e3", .pull(other))))
        host.run()
        #expect(host.answer("e3") == "failure: Image [other] was built but is not there")
        // Nor is it ever shared with somebody who wants it pulled.
        #expect(other.key != ImageSpecification(reference: "other").key)
        #expect(
            ImageSpecification(reference: "a", build: ImageBuild(remote: "https://me:secret@h/x", tag: "a")).key.id
                == "a built from https://h/x")
    }

    @Test("The container that the agent runs in is neither stopped nor removed", arguments: [true, false])
    func ownContainer(_ isListed: Bool) throws {
        let host = try Host()
        host.engine.add("c9", uuid: "u-9", name: ContainerSummary.agentName, .running)
        if isListed { host.give(.containers(host.engine.summaries)) }
        var own = instance("u-9")
        own.externalID = "c9"
        let wishes: [(String, TestCodec.Wish)] = [("e1", .deactivate(own)), ("e2", .remove(own))]
        for (id, wish) in wishes {
            host.give(.event(event(id, wish)))
            host.run()
        }
        #expect(host.answer("e1") == "instance u-9 running")
        #expect(host.answer("e2") == "done")
        #expect(try host.store.resource(own.key)?.phase == "running", "it is shown as it is")
        #expect(host.engine.containers["c9"]?.state == .running)
        #expect(
            host.operations.allSatisfy { if case .findContainer = $0 { true } else { false } }, "it was only looked at")
        // One of the same instance that is not the agent's is treated like any other.
        host.engine.add("c8", uuid: "u-8", .running)
        host.give(.event(event("e3", .deactivate(instance("u-8")))))
        host.run()
        #expect(host.engine.containers["c8"]?.state == .exited)
    }

    @Test("A container is stopped by its id alone, and one that is gone is no failure (defects 75, 87c)")
    func byID() throws {
        let host = try Host()
        host.engine.add("c7", uuid: "u-7", .running)
        let stop = InstanceSpecification(uuid: "", externalID: "c7")
        host.give(.event(event("e1", .deactivate(stop))))
        host.run()
        #expect(host.engine.containers["c7"]?.state == .exited)
        #expect(host.operations.contains(.stopContainer(id: "c7", graceSeconds: 10)))
        let gone = InstanceSpecification(uuid: "", externalID: "c6")
        host.give(.event(event("e2", .deactivate(gone))))
        host.run()
        #expect(host.answer("e2") == "instance  gone")
        #expect(try host.store.settledInstances().allSatisfy { $0.key.id != "u-7" }, "no instance's record is touched")
    }

    @Test("In whose words an event came is kept with it")
    func dialect() throws {
        let store = try Store.inMemory()
        for dialect in Dialect.allCases {
            let header = EventHeader(
                id: dialect.rawValue, name: "n", replyTo: "r", resourceID: nil, resourceType: nil, dialect: dialect)
            try store.insert(
                EventRow(
                    header: header, key: nil, generation: 0, frame: "f", state: .open,
                    receivedAt: Timestamp(milliseconds: 1)))
        }
        #expect(try store.openEvents().map(\.header.dialect) == [.a, .b])
    }
}
