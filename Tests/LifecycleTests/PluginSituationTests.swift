import Lifecycle
import Model
import SimulatedEngine
import Testing

/// Volumes of storage plug-ins, and the instances that use them, in situations that the tables do not show.
struct PluginSituationTests {
    private static let volume = VolumeSpecification(name: "v", driver: "flex")

    private static var user: InstanceSpecification {
        var specification = instance()
        specification.volumes = [volume]
        return specification
    }

    /// One that is mounted for an instance.
    private static func mounted(holder: String = "u-1") -> VolumeMachine {
        var machine = VolumeMachine(volume, desired: .active, holder: holder)
        for outcome in [OperationOutcome.keptByPlugin, .pluginDone(mountpoint: ""), .pluginDone(mountpoint: "")] {
            machine.step(outcome)
        }
        machine.step(.pluginDone(mountpoint: "/mnt/v"))
        machine.step()
        return machine
    }

    @Test(
        "A failed attach or mount is undone before it is reported; a failed creation needs no undoing (defect 35)",
        arguments: [PluginCall.create, .attach, .mount])
    func undone(_ failing: PluginCall) {
        var machine = VolumeMachine(Self.volume, desired: .active, holder: "u-1")
        machine.step(.keptByPlugin)
        for call in [PluginCall.create, .attach, .mount] {
            #expect(machine.next == .perform(.callPlugin(call, Self.volume)))
            if call == failing { break }
            machine.step(.pluginDone(mountpoint: ""))
        }
        machine.step(refused("disk on fire"))
        if failing != .create {
            #expect(machine.step(.pluginDone(mountpoint: "")) == .perform(.callPlugin(.unmount, Self.volume)))
        }
        #expect(machine.next == .fail("disk on fire"))
        #expect(!machine.mayBeMounted)
    }

    @Test("A second mount that fails leaves the volume to those who have it already (defect 36)")
    func failedForAnother() {
        var machine = Self.mounted()
        machine.wished(VolumeMachine(Self.volume, desired: .active, holder: "u-2"))
        machine.step(.keptByPlugin)
        machine.step(refused("disk on fire"))
        #expect(machine.step() == .fail("disk on fire"))
        #expect(machine.phase == .failed)
        #expect(machine.holders == ["u-1"])
        #expect(machine.mayBeMounted)
        // The one that failed gives it back, which is nothing to do; the one that has it unmounts it.
        #expect(machine.released(by: "u-2") == true)
        #expect(machine.released(by: "u-1") == false)
    }

    @Test("A second mount that fails is not undone under the instance that asked for it and has it (defect 36)")
    func failedForItsHolder() {
        var machine = Self.mounted()
        machine.wished(VolumeMachine(Self.volume, desired: .active, holder: "u-1"))
        machine.step(.keptByPlugin)
        machine.step(refused("disk on fire"))
        #expect(machine.step() == .fail("disk on fire"))
        #expect(machine.holders == ["u-1"])
        // Once its container is at rest, the instance gives it back.
        #expect(machine.released(by: "u-1") == false)
        machine.wished(VolumeMachine(Self.volume, desired: .inactive, holder: "u-1"))
        #expect(machine.next == .perform(.callPlugin(.unmount, Self.volume)))
    }

    @Test("A volume is given back by the last of its holders only (defect 36)")
    func lastHolder() {
        var machine = Self.mounted()
        machine.wished(VolumeMachine(Self.volume, desired: .active, holder: "u-2"))
        machine.step(.keptByPlugin)
        for mountpoint in ["", "", "/mnt/v"] { machine.step(.pluginDone(mountpoint: mountpoint)) }
        machine.step()
        #expect(machine.holders == ["u-1", "u-2"])
        #expect(machine.released(by: "u-1") == true)
        #expect(machine.released(by: "u-2") == false)
    }

    @Test(
        "Nothing is given back while the container may still be alive (defect 37)",
        arguments: [InstanceDesire.stopped, .removed])
    func stopFirst(_ desired: InstanceDesire) {
        var engine = SimulatedEngine()
        engine.images = ["nginx"]
        engine.plugins = ["flex"]
        var machine = InstanceMachine(Self.user, desired: .running)
        _ = machine.run(on: &engine)
        #expect(engine.mounted == ["v"])
        machine.wished(Self.user, desired: desired)
        let steps = machine.run(on: &engine)
        #expect(engine.tornAway == [])
        #expect(engine.mounted.isEmpty)
        let releases = steps.indices.filter { steps[$0] == .require([.release(Self.volume, holder: "u-1")]) }
        let ends = steps.indices.filter { index in
            switch steps[index] {
            case .perform(.stopContainer), .perform(.removeContainer): true
            default: false
            }
        }
        #expect(releases.count == 1)
        #expect(!ends.isEmpty && ends.allSatisfy { $0 < releases.first ?? 0 })
    }

    @Test("A container that cannot be stopped keeps its volume (defect 37)")
    func unstoppable() {
        var engine = SimulatedEngine()
        engine.images = ["nginx"]
        engine.plugins = ["flex"]
        var machine = InstanceMachine(Self.user, desired: .running)
        _ = machine.run(on: &engine)
        engine.stopWorks = false
        engine.killWorks = false
        machine.wished(Self.user, desired: .stopped)
        #expect(machine.run(on: &engine).last?.failure == "Failed to stop container u-1")
        #expect(engine.mounted == ["v"])
        #expect(machine.claims == [Self.volume])
    }

    @Test("A failed unmount is the answer to a stop that went well, and the volume is not forgotten (defect 37)")
    func failedUnmount() {
        var machine = InstanceMachine(Self.user, desired: .stopped)
        machine.step(.container(container(.exited)))
        machine.began(machine.next)
        #expect(machine.phase == .releasing)
        machine.requirementFailed("v is busy")
        #expect(machine.step() == .fail("v is busy"))
        #expect(machine.claims == [Self.volume])
        machine.wished(Self.user, desired: .removed)
        #expect(machine.step(.removed) == .perform(.removeContainer(id: "c1", keepsVolumes: false)))
        machine.step(.container(nil))
        #expect(machine.next == .require([.release(Self.volume, holder: "u-1")]))
    }

    @Test("A volume is not taken for removed because its plug-in is gone (defect 61)")
    func pluginGone() {
        var machine = Self.mounted()
        machine.wished(VolumeMachine(Self.volume, desired: .inactive, holder: "u-1"))
        machine.step(.pluginDone(mountpoint: ""))
        machine.step()
        #expect(machine.phase == .inactive)
        machine.wished(VolumeMachine(Self.volume, desired: .removed))
        var away = machine
        for _ in 0..<20 where !away.next.isEnd { away.step(.volume(nil)) }
        #expect(away.next == .fail("There is no storage plug-in for driver flex of volume v"))
        // With the plug-in back it is removed, and then it may be gone.
        machine.step(.volume(nil))
        machine.step()
        machine.step(.keptByPlugin)
        #expect(machine.step(.pluginDone(mountpoint: "")) == .perform(.callPlugin(.remove, Self.volume)))
        machine.step()
        #expect(machine.phase == .removed)
        machine.wished(VolumeMachine(Self.volume, desired: .removed))
        machine.step(.volume(nil))
        #expect(machine.next == .settle)
    }

    @Test("A volume that the plug-in neither attaches nor unmounts is not mounted")
    func neverMounted() {
        var machine = VolumeMachine(Self.volume, desired: .active, holder: "u-1")
        machine.step(.keptByPlugin)
        machine.step(.pluginDone(mountpoint: ""))
        machine.step(refused("wrong options"))
        machine.step(refused("not mounted"))
        #expect(machine.next == .fail("wrong options"))
        #expect(!machine.mayBeMounted)
    }

    @Test("A volume that the plug-in may have mounted, and does not unmount, may be mounted")
    func unclearMount() {
        var machine = VolumeMachine(Self.volume, desired: .active, holder: "u-1")
        machine.step(.keptByPlugin)
        machine.step(.pluginDone(mountpoint: ""))
        for _ in 0..<20 where machine.phase != .unmounting {
            if case .wait = machine.next { machine.step() } else { machine.step(.unknown("no answer in time")) }
            if case .perform(.callPlugin(.unmount, _)) = machine.next { break }
        }
        machine.step(refused("not mounted"))
        guard case .fail(let reason) = machine.next else {
            Issue.record("\(machine.next)")
            return
        }
        #expect(reason.contains("may still be mounted"))
        #expect(machine.mayBeMounted)
    }

    @Test("A volume of the same name with another driver is not the one to remove (defect 60)")
    func otherDriversVolume() {
        var machine = VolumeMachine(VolumeSpecification(name: "v", driver: "other"), desired: .removed)
        machine.step(.volume(InspectedVolume(driver: "local", mountpoint: "/v")))
        #expect(machine.next == .settle)
    }

    @Test("A look for the plug-in that this host does not allow is an error after a while")
    func forbiddenLook() {
        var machine = VolumeMachine(Self.volume, desired: .active, holder: "u-1")
        for _ in 0..<100 where !machine.next.isEnd { machine.step(refused("Permission denied")) }
        #expect(machine.next == .fail("Permission denied"))
    }

    @Test("Where a volume is mounted stays known when its removal or its unmount is refused")
    func mountpointStays() {
        var machine = Self.mounted()
        machine.wished(VolumeMachine(Self.volume, desired: .removed))
        guard case .fail = machine.step() else {
            Issue.record("a volume in use was to be removed")
            return
        }
        #expect(machine.mountpoint == "/mnt/v")
        machine.wished(VolumeMachine(Self.volume, desired: .inactive, holder: "u-1"))
        machine.step(refused("busy"))
        #expect(machine.step() == .fail("busy"))
        #expect(machine.mountpoint == "/mnt/v")
        machine.wished(VolumeMachine(Self.volume, desired: .removed))
        machine.step(.keptByPlugin)
        machine.step(.pluginDone(mountpoint: ""))
        machine.step(.pluginDone(mountpoint: ""))
        #expect(machine.step() == .settle)
        #expect(machine.mountpoint == "")
    }
}
