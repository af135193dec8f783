/// What can go wrong with one call.
///
/// Of the stream of events, what is said here of the answer holds for the first event of a stream that was opened.
package enum EngineFault: Sendable, Hashable {
    /// The connection is cut and the engine never hears of it.
    case cutBefore
    /// The engine has done it and answered, and the answer is lost.
    case cutAfter
    /// The engine never hears of it, and nobody answers.
    case hangBefore
    /// The engine has done it, and nobody answers.
    case hangAfter
    /// The engine hears of it late.
    case delay(Duration)
    /// The engine never hears of it; this is answered instead.
    case answer(Int, String)
    /// The engine never hears of it; somebody between answers with a page for people.
    case page(Int)
    /// The engine has done it, and says that it has not.
    case answerAfter(Int, String)
    /// The engine has done it, and half of its answer arrives: of the body, or of the head if there is no body.
    case halfAnswer
    /// The engine has done it, and what arrives is no JSON.
    case brokenJSON
    /// The engine has done it, and what arrives is JSON that says nothing: `{}`.
    case emptyJSON
    /// The engine goes away before this call, and comes back after so long.
    case outageBefore(Duration)
    /// The engine goes away after this call, before its answer, and comes back after so long.
    case outageAfter(Duration)
}

/// Faults by chance: the same seed treats the same call of the same thing in the same way, whatever happens beside it.
package struct FaultStorm: Sendable {
    package var seed: UInt64
    /// How many of a hundred calls are spoilt.
    package var percent: Int
    package var faults: [EngineFault]

    package init(seed: UInt64, percent: Int, faults: [EngineFault]) {
        self.seed = seed
        self.percent = percent
        self.faults = faults
    }

    /// What becomes of the given call of its kind about a thing; `nil` for nothing.
    ///
    /// - Parameter number: Counted from 1.
    func fault(in call: EngineCall, of subject: String, number: Int) -> EngineFault? {
        // FNV-1a, stirred once more: Swift's own hashes differ from process to process.
        var hash = 0xCBF2_9CE4_8422_2325 ^ seed
        for byte in "\(call.rawValue) \(subject) \(number)".utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        hash ^= hash >> 31
        guard hash % 100 < UInt64(max(0, percent)), !faults.isEmpty else { return nil }
        return faults[Int(hash / 100 % UInt64(faults.count))]
    }
}
