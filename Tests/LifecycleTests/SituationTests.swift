import Lifecycle
import LosslessJSON
import Model
import SimulatedEngine
import Testing

/// The situations that the machines were made for, each told from its beginning to its end.
struct InstanceSituationTests {
    private func removals(_ steps: [Step]) -> [String] {
        steps.compactMap { if case .perform(.removeContainer(let id, _)) = $0 { id } else { nil } }
    }

    @Test("An instance without a container is created and started, and settles on the inspection after the start")
    func first() {
        var engine = SimulatedEngine()
        var machine = InstanceMachine(instance(), desired: .running)
        _ = machine.run(on: &engine)
        #expect(machine.phase == .running)
        #expect(machine.isInspected)
        #expect(engine.containers(of: "u-1").map(\.state) == [.running])
        #expect(engine.creations == 1)
    }

    @Test(
        "A container that was created for the wish and cannot be started is removed, and the start's error is the answer"
    )
    func refusedStart() {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.step(.container(nil))
        machine.step(.created(id: "c1"))
        machine.step(refused("port is already allocated", 400))
        machine.step(.container(container(.created)))
        #expect(machine.step(.removed) == .perform(.removeContainer(id: "c1", keepsVolumes: false)))
        #expect(machine.phase == .discarding)
        #expect(machine.step() == .fail("port is already allocated"))
    }

    @Test("A removal waits for the container that an unanswered create of an older wish may still leave behind")
    func lateCreate() {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.step(.container(nil))
        machine.step(.unknown("no answer in time"))
        machine.wished(instance(), desired: .removed)
        machine.step(.container(nil))
        #expect(machine.next == .wait(Patience.pause))
        machine.step()
        machine.step(.container(container(.created)))
        #expect(machine.step(.removed) == .perform(.removeContainer(id: "c1", keepsVolumes: false)))
        #expect(machine.next == .settle)
    }

    @Test("A removal does not wait for ever for a container that never comes, and not at all for one that was refused")
    func lateCreateThatNeverComes() {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.step(.container(nil))
        let create = machine.next
        machine.began(create)
        machine.wished(instance(), desired: .removed)
        var overtaken = machine
        var looks = 0
        while machine.next != .settle, looks < 100 {
            looks += 1
            machine.step(.container(nil))
        }
        #expect(machine.next == .settle)
        #expect(looks > 2)
        guard case .perform(let operation) = create else {
            Issue.record("the create was expected")
            return
        }
        overtaken.overtaken(operation, refused("no such network", 404))
        overtaken.step(.container(nil))
        #expect(overtaken.next == .settle)
    }

    @Test("When the half-made container cannot be removed either, the start's error is still the answer")
    func refusedDiscard() {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.step(.container(nil))
        machine.step(.created(id: "c1"))
        machine.step(refused("port is already allocated", 500))
        machine.step(.container(container(.created)))
        for _ in 0..<20 where !machine.next.isEnd {
            switch machine.next {
            case .perform(.findContainer): machine.step(.container(container(.created)))
            case .perform: machine.step(refused("device busy", 500))
            case .wait, .require, .settle, .fail: machine.step()
            }
        }
        #expect(machine.next == .fail("port is already allocated"))
    }

    @Test(
        "A container that was there before is never removed because it cannot be started (defect 33)",
        arguments: [nil, 400, 409, 500])
    func existing(_ status: Int?) {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.step(.container(container(.exited, startedAt: "t1")))
        #expect(machine.step(refused("no", status)) == .perform(.startContainer(id: "c1")))
        machine.step(.container(container(.exited, startedAt: "t1")))
        #expect(machine.next == .fail("no"))
    }

    @Test("A container made by an earlier wish is not this wish's to remove")
    func earlierWish() {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.step(.container(nil))
        machine.step(.created(id: "c1"))
        #expect(machine.createdHere)
        machine.wished(instance(), desired: .running)
        #expect(!machine.createdHere)
        machine.overtaken()
        machine.step(.container(container(.created)))
        machine.step(refused("no", 500))
        machine.step(.container(container(.created)))
        #expect(machine.next == .fail("no"))
    }

    @Test("A name taken by the instance's own container is adopted (defects 32, 33)")
    func adopted() {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.hinted(nil)
        machine.step(.nameTaken(by: container(.exited, id: "c7", startedAt: "t1")))
        #expect(machine.next == .perform(.startContainer(id: "c7")))
        #expect(!machine.createdHere)
        machine.step(refused("no", 500))
        machine.step(.container(container(.exited, id: "c7", startedAt: "t1")))
        #expect(machine.next == .fail("no"))
    }

    @Test("A name taken by somebody else's container is an error", arguments: ["", "u-2"])
    func foreign(_ uuid: String) {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.hinted(nil)
        machine.step(.nameTaken(by: container(.running, id: "c7", uuid: uuid)))
        #expect(machine.next.failure?.contains("in use by container c7") == true)
    }

    @Test("A name taken by nobody is tried again, but not for ever (defect 33)")
    func nobody() {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.hinted(nil)
        var creates = 0
        for _ in 0..<200 where !machine.next.isEnd {
            switch machine.next {
            case .perform(.createContainer):
                creates += 1
                machine.step(.nameTaken(by: nil))
            case .perform: machine.step(.container(nil))
            case .wait, .require, .settle, .fail: machine.step()
            }
        }
        #expect(creates == Patience.nameConflicts)
        #expect(machine.next.failure?.contains("cannot be found") == true)
    }

    @Test("A container found after a lost answer to its create is this wish's: it is started, or else removed")
    func lostCreate() {
        for startWorks in [true, false] {
            var machine = InstanceMachine(instance(), desired: .running)
            machine.step(.container(nil))
            machine.step(.unknown("no answer"))
            #expect(machine.step() == .wait(Patience.backOff(afterTries: 1)))
            machine.step(.container(container(.created)))
            #expect(machine.createdHere)
            #expect(machine.next == .perform(.startContainer(id: "c1")))
            if startWorks {
                machine.step(.container(container(.running, startedAt: "t1")))
                #expect(machine.next == .settle)
            } else {
                machine.step(refused("no", 500))
                machine.step(.container(container(.created)))
                #expect(machine.next == .perform(.removeContainer(id: "c1", keepsVolumes: false)))
            }
        }
    }

    @Test("A crash during a create is a lost answer")
    func crashDuringCreate() throws {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.step(.container(nil))
        machine.step()
        #expect(machine.phase == .creating)
        machine = try throughJSON(machine)
        machine.resumed()
        machine.step(.container(container(.created)))
        #expect(machine.createdHere)
    }

    @Test("A crash after a create that certainly did not happen gives no right to a container that is found later")
    func crashAfterUnavailableCreate() throws {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.step(.container(nil))
        machine.step(.unavailable("engine is down"))
        machine.step()
        machine = try throughJSON(machine)
        machine.resumed()
        machine.step(.container(container(.exited, startedAt: "t1")))
        #expect(!machine.createdHere)
    }

    @Test("A container that took the place of the created one is not this wish's")
    func replaced() {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.step(.container(nil))
        machine.step(.created(id: "c1"))
        machine.step(refused("No such container", 404))
        machine.step(.container(container(.exited, id: "c2", startedAt: "t9")))
        #expect(!machine.createdHere)
        // It has not been started by this wish, whatever its time of start says.
        #expect(machine.next == .perform(.startContainer(id: "c2")))
    }

    @Test(
        "A container that ran and ended while the answer to its start was lost is not started again",
        arguments: [false, true])
    func lostStart(_ crashes: Bool) throws {
        for start in ["", "t1"] {
            var machine = InstanceMachine(instance(), desired: .running)
            machine.step(.container(container(start.isEmpty ? .created : .exited, startedAt: start)))
            if crashes {
                machine.step()
                machine = try throughJSON(machine)
                machine.resumed()
            } else {
                machine.step(.unknown("no answer"))
                machine.step()
            }
            machine.step(.container(container(.exited, startedAt: "t2")))
            #expect(machine.step() == .settle)
            #expect(machine.phase == .stopped)
        }
    }

    @Test("A start whose answer was lost is made again if the container was not started")
    func lostStartRequest() {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.step(.container(container(.exited, startedAt: "t1")))
        machine.step(.unknown("no answer"))
        machine.step()
        machine.step(.container(container(.exited, startedAt: "t1")))
        #expect(machine.next == .perform(.startContainer(id: "c1")))
    }

    @Test("A start that is reported as failed although the container runs is a success")
    func failedStartThatWorked() {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.step(.container(container(.created)))
        machine.step(refused("server error", 500))
        machine.step(.container(container(.running, startedAt: "t1")))
        #expect(machine.step() == .settle)
        #expect(machine.phase == .running)
    }

    @Test("A container that ends right after its start was started: the instance is settled as stopped")
    func shortLived() {
        var engine = SimulatedEngine()
        engine.images = ["nginx"]
        engine.stateAfterStart = .exited
        var machine = InstanceMachine(instance(), desired: .running)
        _ = machine.run(on: &engine)
        #expect(machine.phase == .stopped)
        #expect(engine.containers(of: "u-1").map(\.starts) == [1])
    }

    @Test("A container that keeps restarting is stopped first and then started (defects 87, 87b)")
    func restarting() {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.step(.container(container(.restarting, startedAt: "t1")))
        #expect(
            machine.step(.container(container(.exited, startedAt: "t1")))
                == .perform(.stopContainer(id: "c1", graceSeconds: 10)))
        #expect(machine.step(.container(container(.running, startedAt: "t2"))) == .perform(.startContainer(id: "c1")))
        #expect(machine.next == .settle)
    }

    @Test("A container that vanishes while it is stopped for a new start is made anew (defect 87b)")
    func vanishedDuringStop() {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.step(.container(container(.restarting, startedAt: "t1")))
        machine.step(refused("No such container", 404))
        machine.step(.container(nil))
        #expect(machine.next == .perform(.createContainer(instance(), mountpoints: [:])))
    }

    @Test("A container that cannot be stopped is killed, looked at, and only then reported as not stopped")
    func unstoppable() {
        var engine = SimulatedEngine()
        engine.stopWorks = false
        engine.killWorks = false
        engine.add("c1", uuid: "u-1", .running)
        var machine = InstanceMachine(instance(), desired: .stopped)
        let steps = machine.run(on: &engine)
        #expect(
            steps.dropFirst() == [
                .perform(.stopContainer(id: "c1", graceSeconds: 10)), .perform(.killContainer(id: "c1")),
                .fail("Failed to stop container u-1"),
            ])
    }

    @Test("An error of a stop is not the end: the container is killed")
    func stopError() {
        var machine = InstanceMachine(instance(), desired: .stopped)
        machine.step(.container(container(.running)))
        machine.step(refused("cannot stop", 500))
        machine.step(.container(container(.running)))
        #expect(machine.step(.container(container(.exited))) == .perform(.killContainer(id: "c1")))
        #expect(machine.step() == .settle)
        #expect(machine.phase == .stopped)
    }

    @Test("A failed stop is never reported as stopped, whatever the kill said (defect 38)")
    func stopAndKillError() {
        var machine = InstanceMachine(instance(), desired: .stopped)
        machine.step(.container(container(.running)))
        machine.step(refused("cannot stop", 500))
        machine.step(.container(container(.running)))
        machine.step(refused("cannot kill", 500))
        machine.step(.container(container(.running)))
        #expect(machine.next.failure?.hasPrefix("Failed to stop container u-1") == true)
    }

    @Test("A stop without an answer is tried twice, then the container is killed")
    func silentStop() {
        var machine = InstanceMachine(instance(), desired: .stopped)
        machine.step(.container(container(.running)))
        for _ in 0..<Patience.stops {
            if case .perform(.stopContainer) = machine.step(.unknown("no answer")) {} else { Issue.record("no stop") }
            machine.step()
            machine.step(.container(container(.running)))
        }
        #expect(machine.next == .perform(.killContainer(id: "c1")))
    }

    @Test("What cannot be reached is not gone and not stopped", arguments: InstanceDesire.allCases)
    func unreachable(_ desired: InstanceDesire) {
        var machine = InstanceMachine(instance(), desired: desired)
        for _ in 0..<500 {
            let step = machine.step(.unavailable("engine is down"))
            #expect(!step.isEnd)
        }
        #expect(machine.attempts > 200)
    }

    @Test("A container on its way out is waited for, but not for ever", arguments: [ContainerState.removing, .dead])
    func limbo(_ state: ContainerState) {
        var machine = InstanceMachine(instance(), desired: .running)
        var waits = 0
        for _ in 0..<200 where !machine.next.isEnd {
            if case .wait(let pause) = machine.next {
                waits += 1
                #expect(pause == Patience.pause)
            }
            machine.step(.container(container(state)))
        }
        #expect(waits == Patience.limboLooks - 1)
        #expect(machine.next.failure != nil)
    }

    @Test("A container that disappears while it is waited for makes room for a new one")
    func limboEnds() {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.step(.container(container(.removing)))
        machine.step()
        machine.step(.container(nil))
        #expect(machine.next == .perform(.createContainer(instance(), mountpoints: [:])))
    }

    @Test("A removal is refused three times, then that is the answer", arguments: [409, 500])
    func refusedRemoval(_ status: Int) {
        var machine = InstanceMachine(instance(), desired: .removed)
        var removals = 0
        for _ in 0..<100 where !machine.next.isEnd {
            switch machine.next {
            case .perform(.removeContainer):
                removals += 1
                machine.step(refused("driver failed to remove", status))
            case .perform: machine.step(.container(container(.exited)))
            case .wait, .require, .settle, .fail: machine.step()
            }
        }
        #expect(removals == Patience.removals)
        #expect(machine.next == .fail("driver failed to remove"))
    }

    @Test("A container that was started again under the removal's hands is stopped again")
    func restartedDuringRemoval() {
        var machine = InstanceMachine(instance(), desired: .removed)
        machine.step(.container(container(.running)))
        machine.step(.container(container(.exited)))
        machine.step(refused("container is running", 409))
        machine.step()
        machine.step(.container(container(.running)))
        #expect(machine.next == .perform(.stopContainer(id: "c1", graceSeconds: 10)))
    }

    @Test(
        "That a container known only from the list is gone does not mean that the instance has none",
        arguments: [ContainerState.exited, .running])
    func staleList(_ state: ContainerState) {
        var engine = SimulatedEngine()
        engine.add("c2", uuid: "u-1", .running)
        for desired in [InstanceDesire.stopped, .removed] {
            var machine = InstanceMachine(instance(), desired: desired)
            machine.hinted(ContainerSummary(id: "c1", name: "r-web-u", state: state, instanceUUID: "u-1"))
            _ = machine.run(on: &engine)
            #expect(machine.phase.isSettled && machine.phase != .failed)
            #expect(engine.containers(of: "u-1").map(\.state) == (desired == .stopped ? [.exited] : []))
        }
    }

    @Test(
        "The volumes without a name go with the container, unless the server or the container says that they stay",
        arguments: [nil, "", "unnamed", "all", "none", "whatever"])
    func cleanup(_ strategy: String?) throws {
        let stays = strategy == "none" || strategy == "whatever"
        var asked = instance()
        asked.container.labels[VolumeCleanup.label] = strategy
        for (specification, keepsVolumes) in [(asked, false), (instance(), stays)] {
            let remove = Step.perform(.removeContainer(id: "c1", keepsVolumes: stays))
            var machine = InstanceMachine(specification, desired: .removed)
            machine.hinted(
                ContainerSummary(
                    id: "c1", name: "r-web-u", state: .exited, instanceUUID: "u-1", keepsVolumes: keepsVolumes))
            #expect(machine.next == remove)
            machine = InstanceMachine(specification, desired: .removed)
            machine.step(
                .container(
                    InspectedContainer(
                        id: "c1", state: .exited, instanceUUID: "u-1", startedAt: "", keepsVolumes: keepsVolumes,
                        raw: .null)))
            #expect(machine.next == remove)
            #expect(try throughJSON(machine).next == remove)
        }
        // What was made for this wish and cannot be started leaves nothing behind.
        var machine = InstanceMachine(asked, desired: .running)
        machine.step(.container(nil))
        machine.step(.created(id: "c1"))
        machine.step(refused("no such device", 400))
        machine.step(.container(container(.created)))
        #expect(machine.next == .perform(.removeContainer(id: "c1", keepsVolumes: false)))
    }

    @Test("An image that is missing is required once, and missing again is the end")
    func missingImage() {
        var machine = InstanceMachine(instance(), desired: .running)
        machine.hinted(nil)
        machine.step(.imageMissing("No such image: nginx"))
        #expect(machine.step() == .require([.image(ImageSpecification(reference: "nginx"))]))
        #expect(machine.phase == .pulling)
        machine.step(.imageMissing("No such image: nginx"))
        #expect(machine.next == .fail("No such image: nginx"))
    }

    @Test("What cannot be had ends the wish with its reason")
    func requirementFailed() {
        var specification = instance()
        specification.volumes = [VolumeSpecification(name: "v", driver: "local")]
        var machine = InstanceMachine(specification, desired: .running)
        machine.hinted(nil)
        machine.began(machine.next)
        machine.requirementFailed("no space for v")
        // The volume is given back, if the container that was not in the list is really not there.
        machine.step(.container(nil))
        machine.step()
        #expect(machine.phase == .releasing)
        #expect(machine.next == .fail("no space for v"))
    }

    @Test("A surplus copy is looked for by its container only, never by a label (defect 88)")
    func surplus() {
        let machine = InstanceMachine(instance("", externalID: "c9"), desired: .removed)
        #expect(machine.next == .perform(.findContainer(ContainerIdentity(ids: ["c9"], uuid: ""))))
    }

    @Test("A settled instance that changes by itself is shown as it is, and nothing is done")
    func drift() {
        var engine = SimulatedEngine()
        engine.images = ["nginx"]
        var machine = InstanceMachine(instance(), desired: .running)
        _ = machine.run(on: &engine)
        let summary = engine.summaries[0]
        machine.drifted(to: ContainerSummary(id: summary.id, name: summary.name, state: .exited, instanceUUID: "u-1"))
        #expect(machine.phase == .stopped)
        machine.drifted(to: summary)
        #expect(machine.phase == .running)
        machine.drifted(to: nil)
        #expect(machine.phase == .stopped)
    }
}

struct VolumeSituationTests {
    private let specification = VolumeSpecification(name: "v", driver: "local")
    private let present = OperationOutcome.volume(InspectedVolume(driver: "local", mountpoint: "/v"))
    private let moved = OperationOutcome.volume(InspectedVolume(driver: "local", mountpoint: "moved"))

    @Test("A volume that moved away is forgotten here and created anew (defect 59)")
    func movedAway() {
        var machine = VolumeMachine(specification, desired: .active)
        machine.step(moved)
        #expect(machine.step(.removed) == .perform(.removeVolume(name: "v", force: true)))
        let created = OperationOutcome.volume(InspectedVolume(driver: "local", mountpoint: "/v"))
        #expect(machine.step(created) == .perform(.createVolume(specification)))
        #expect(machine.step() == .settle)
    }

    @Test("A volume that stays away, or is never there, is given up", arguments: [true, false])
    func neverThere(_ moves: Bool) {
        var machine = VolumeMachine(specification, desired: .active)
        var creates = 0
        for _ in 0..<100 where !machine.next.isEnd {
            switch machine.next {
            case .perform(.createVolume):
                creates += 1
                machine.step(moves ? moved : .volume(nil))
            case .perform(.removeVolume): machine.step(.removed)
            case .perform: machine.step(moves ? moved : .volume(nil))
            case .wait, .require, .settle, .fail: machine.step()
            }
        }
        #expect(creates == Patience.vanishings)
        #expect(machine.next.failure != nil)
    }

    @Test("A volume in use is tried three times, a second apart (defect 61)")
    func inUse() {
        var machine = VolumeMachine(specification, desired: .removed)
        for _ in 0..<2 {
            machine.step(present)
            machine.step(refused("volume is in use", 409))
            #expect(machine.step() == .wait(Patience.pause))
        }
        machine.step(present)
        machine.step(refused("volume is in use", 409))
        #expect(machine.step() == .fail("volume is in use"))
        #expect(machine.phase == .failed)
    }

    @Test("A removal that failed is tried again with the next event for it (defect 81)")
    func triedAgain() {
        var machine = VolumeMachine(specification, desired: .removed)
        for _ in 0..<2 {
            for _ in 0..<2 {
                machine.step(present)
                machine.step(refused("volume is in use", 409))
                machine.step()
            }
            machine.step(present)
            machine.step(refused("volume is in use", 409))
            #expect(machine.step() == .fail("volume is in use"))
            machine.wished(VolumeMachine(specification, desired: .removed))
        }
        machine.step(present)
        machine.step(.removed)
        #expect(machine.next == .settle)
    }

    @Test("A driver that wants the server to try again is not asked a second time (defect 62)")
    func shouldRetry() {
        var machine = VolumeMachine(specification, desired: .removed)
        machine.step(present)
        machine.step(refused("busy. Should retry", 500))
        #expect(machine.next == .fail("busy. Should retry"))
    }

    @Test("A refused creation is the answer")
    func refusedCreation() {
        var machine = VolumeMachine(specification, desired: .active)
        machine.step(.volume(nil))
        machine.step(refused("no such driver", 404))
        #expect(machine.next == .fail("no such driver"))
    }

    @Test("A creation that failed is looked into before that is the answer", arguments: [409, 500])
    func inconclusiveCreation(_ status: Int) {
        var machine = VolumeMachine(specification, desired: .active)
        machine.step(.volume(nil))
        machine.step(refused("disk on fire", status))
        var done = machine
        #expect(done.step(present) == .perform(.inspectVolume(specification)))
        #expect(done.next == .settle)
        var notDone = machine
        notDone.step(.volume(nil))
        #expect(notDone.next == .fail("disk on fire"))
        // What cannot be seen is not there.
        machine.step(refused("no plug-in", 500))
        #expect(machine.next == .fail("disk on fire"))
    }

    @Test("Two who want the same volume are served by one work, whatever options they name")
    func shared() {
        let machine = VolumeMachine(specification, desired: .active)
        var other = specification
        other.driverOptions = ["size": "2"]
        #expect(machine.serves(VolumeMachine(other, desired: .active)))
        #expect(!machine.serves(VolumeMachine(other, desired: .removed)))
        other.driver = "nfs"
        #expect(!machine.serves(VolumeMachine(other, desired: .active)))
    }
}

struct ImageSituationTests {
    private let specification = ImageSpecification(reference: "nginx")

    @Test("A pull whose stream breaks is tried five times")
    func brokenPull() {
        var machine = ImageMachine(specification, desired: .present)
        var pulls = 0
        for _ in 0..<100 where !machine.next.isEnd {
            switch machine.next {
            case .perform(.pullImage):
                pulls += 1
                machine.step(.unknown("stream ended"))
            case .perform: machine.step(.image(nil))
            case .wait, .require, .settle, .fail: machine.step()
            }
        }
        #expect(pulls == Patience.pulls)
        #expect(machine.next == .fail("Image [nginx] failed to pull: stream ended"))
    }

    @Test("A pull that broke after the image was there is a success")
    func brokenButThere() {
        var machine = ImageMachine(specification, desired: .present)
        machine.step(.image(nil))
        machine.step(.unknown("stream ended"))
        machine.step()
        machine.step(.image(.bool(true)))
        #expect(machine.next == .settle)
    }

    @Test("A refused pull is the answer")
    func refusedPull() {
        var machine = ImageMachine(specification, desired: .present)
        machine.step(.image(nil))
        machine.step(refused("manifest unknown", 404))
        #expect(machine.next == .fail("manifest unknown"))
    }

    @Test("A pull that failed is looked into before that is the answer", arguments: [409, 500])
    func inconclusivePull(_ status: Int) {
        var machine = ImageMachine(specification, desired: .present)
        machine.step(.image(nil))
        machine.step(refused("disk on fire", status))
        var done = machine
        #expect(done.step(.image(.bool(true))) == .perform(.inspectImage(reference: "nginx")))
        #expect(done.next == .settle)
        var joined = machine
        joined.joined(
            by: ImageSpecification(reference: "nginx", credential: RegistryCredential(user: "u", password: "p")))
        joined.step(.image(nil))
        if case .perform(.pullImage) = joined.next {} else { Issue.record("\(joined.next)") }
        machine.step(.image(nil))
        #expect(machine.next == .fail("disk on fire"))
        // An image that was there before proves nothing.
        var fresh = ImageMachine(ImageSpecification(reference: "nginx", alwaysPull: true), desired: .present)
        fresh.step(refused("disk on fire", status))
        #expect(fresh.next == .fail("disk on fire"))
    }

    @Test("A tag that could not be set or taken off is tried three times", arguments: ImageDesire.allCases)
    func failingTag(_ desired: ImageDesire) {
        let tagged = ImageSpecification(reference: "nginx", temporaryTag: "-tmp")
        var machine = ImageMachine(tagged, desired: desired)
        var tries = 0
        for _ in 0..<20 where !machine.next.isEnd {
            switch machine.next {
            case .perform(.inspectImage): machine.step(.image(.bool(true)))
            case .perform:
                tries += 1
                machine.step(refused("disk on fire", 500))
            case .wait, .require, .settle, .fail: machine.step()
            }
        }
        #expect(tries == Patience.removals)
        #expect(machine.next == .fail("disk on fire"))
    }

    @Test("An image that vanishes before it is tagged is pulled again, but not for ever")
    func vanishingTag() {
        var machine = ImageMachine(ImageSpecification(reference: "nginx", temporaryTag: "-tmp"), desired: .present)
        machine.step(.image(.bool(true)))
        machine.step(.image(nil))
        machine.step(.image(nil))
        #expect(machine.step(.image(.bool(true))) == .perform(.pullImage(reference: "nginx", credential: nil)))
        machine.step(.image(nil))
        machine.step(.image(.bool(true)))
        machine.step(.image(nil))
        #expect(machine.next.failure != nil)
    }

    @Test("One who wants a fresh image makes the common work pull it, with the credential that came last")
    func joined() {
        var machine = ImageMachine(specification, desired: .present)
        let credential = RegistryCredential(user: "u", password: "p")
        machine.joined(by: ImageSpecification(reference: "nginx", credential: credential, alwaysPull: true))
        #expect(machine.next == .perform(.pullImage(reference: "nginx", credential: credential)))
        machine.step(.image(.bool(true)))
        #expect(machine.next == .settle)
    }

    @Test("What was pulled before a crash is looked at and not pulled again")
    func crashAfterPull() throws {
        var machine = ImageMachine(ImageSpecification(reference: "nginx", alwaysPull: true), desired: .present)
        machine.step(.image(.bool(true)))
        machine = try throughJSON(machine)
        machine.resumed()
        #expect(machine.step(.image(.bool(true))) == .perform(.inspectImage(reference: "nginx")))
        #expect(machine.next == .settle)
    }
}
