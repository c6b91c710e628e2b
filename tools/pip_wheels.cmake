# Passed as -DCMAKE_PROJECT_INCLUDE when interface packages are built against the ROS 2 wheels.
# It leaves CMakeLists.txt the standard one.

# There is no rclcpp among the wheels, so nothing can use the C++ side of an interface, which takes
# more than half of the time. Keep its generators from registering themselves; CMake gives the
# original of a command that is defined anew a leading underscore.
find_package(ament_cmake_core REQUIRED)
macro(ament_register_extension point package file)
  if(NOT "${package}" MATCHES "^rosidl_(generator|typesupport|typesupport_[a-z]+)_cpp$")
    _ament_register_extension("${point}" "${package}" "${file}")
  endif()
endmacro()

# The exported targets of the wheels name include folders of the machine that built them
# (/opt/python/...), and CMake refuses an imported target whose include folder does not exist.
# Forget those folders. On a complete ROS 2 installation all exist, so nothing changes there.
function(introspect_forget_missing_includes)
  get_property(targets DIRECTORY "${CMAKE_SOURCE_DIR}" PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(NOT folders)
      continue()
    endif()
    set(existing "")
    foreach(folder IN LISTS folders)
      # A generator expression ("$<...>") cannot be judged here; keep it.
      if(EXISTS "${folder}" OR folder MATCHES "^\\$<")
        list(APPEND existing "${folder}")
      endif()
    endforeach()
    set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${existing}")
  endforeach()
endfunction()

# The type support for Fast DDS is some thirty small C++ files that include the same large
# headers. Compiling them as one is several times faster.
function(introspect_compile_type_support_at_once)
  set_target_properties(${PROJECT_NAME}__rosidl_typesupport_fastrtps_c
    PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
endfunction()

# At the end of the configure step, when all targets are known.
cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL introspect_forget_missing_includes)
cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL introspect_compile_type_support_at_once)
