<?php
// Loaded by PHP_INI_SCAN_DIR before every script: asks PHPUnit and Pest for a report.
(static function (): void {
    $folder = dirname(__DIR__, 2) . '/reports';
    $arguments = $_SERVER['argv'] ?? [];
    $runs = !preg_grep('/^--(?:log-junit|version|help|list-|generate-|migrate-|atleast-)/', $arguments);
    if ($runs && is_dir($folder) && preg_match('~(?:^|/)(?:phpunit|pest)(?:\.phar|\.php)?$~', $arguments[0] ?? '')) {
        $_SERVER['argv'] = $GLOBALS['argv'] = [...$arguments, '--log-junit', "$folder/phpunit-" . getmypid() . '.xml'];
        $_SERVER['argc'] = $GLOBALS['argc'] = count($_SERVER['argv']);
    }
})();
