import Model
import Reconciler
import Testing

@Suite("The gate for work in a flood of events")
struct FloodGateTests {
    private let start = ContinuousClock.now
    private let answer = Effect.publish(eventID: "1", body: "{}")

    private func work(_ number: UInt64) -> Effect {
        .perform(WorkID(number), .startContainer(id: "\(number)"), about: "container \(number)")
    }

    @Test("lets everything through as it comes while there is no flood")
    func open() {
        var gate = FloodGate<ContinuousClock.Instant>(patience: .seconds(2))
        #expect(gate.pass([work(1), answer], isFlooded: false, now: start) == [work(1), answer])
    }

    @Test("keeps back work alone, and gives it out first and in order when the flood is over")
    func flood() {
        var gate = FloodGate<ContinuousClock.Instant>(patience: .seconds(2))
        #expect(gate.pass([work(1), answer], isFlooded: true, now: start) == [answer])
        #expect(gate.pass([work(2)], isFlooded: true, now: start + .seconds(1)) == [])
        #expect(gate.pass([work(3)], isFlooded: false, now: start + .seconds(1)) == [work(1), work(2), work(3)])
        #expect(gate.pass([], isFlooded: false, now: start + .seconds(1)) == [])
    }

    @Test("gives out what it has after a time in a flood without end, and keeps nothing back from then on")
    func endless() {
        var gate = FloodGate<ContinuousClock.Instant>(patience: .seconds(2))
        #expect(gate.pass([work(1)], isFlooded: true, now: start) == [])
        #expect(gate.pass([work(2)], isFlooded: true, now: start + .seconds(2)) == [work(1), work(2)])
        #expect(gate.pass([work(3)], isFlooded: true, now: start + .seconds(3)) == [work(3)])
        // The next flood is another one.
        #expect(gate.pass([], isFlooded: false, now: start + .seconds(4)) == [])
        #expect(gate.pass([work(4)], isFlooded: true, now: start + .seconds(5)) == [])
        #expect(gate.pass([], isFlooded: true, now: start + .seconds(7)) == [work(4)])
    }
}
