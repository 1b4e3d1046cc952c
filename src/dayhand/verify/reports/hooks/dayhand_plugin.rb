# Found by Minitest through RUBYLIB. https://github.com/minitest/minitest#writing-extensions
require 'json'

module Minitest
  def self.plugin_dayhand_init(_options)
    reporter << DayhandReporter.new
  end

  class DayhandReporter < AbstractReporter
    FOLDER = File.expand_path('../../../reports', __dir__)

    def initialize
      super
      @tests = []
    end

    def record(result)
      state = result.skipped? ? 'skipped' : result.passed? ? 'passed' : 'failed'
      detail = state == 'failed' ? result.failures.map { |failure| message(failure) }.join("\n") : ''
      file = result.respond_to?(:source_location) ? result.source_location[0].to_s.delete_prefix("#{Dir.pwd}/") : ''
      owner = result.respond_to?(:klass) ? result.klass : result.class.name
      @tests << { name: "#{file}::#{owner}##{result.name}", state: state, detail: detail.scrub }
    end

    def report
      path = "#{FOLDER}/minitest-#{Process.pid}.json"
      File.write(path, JSON.generate(dayhand: @tests)) if File.directory?(FOLDER)
    end

    private

    def message(failure)
      error = failure.respond_to?(:error) ? failure.error : failure
      "#{error.class}: #{error.message}"
    end
  end
end
